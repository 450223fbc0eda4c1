/** The column `options` of `jobs`. */
import type { JobOptions } from "../../core/job.ts";
import { lastText } from "../../core/last-text.ts";

/** The options of a submission that have no other column, as JSON; null if there are none. */
export function optionsText(options: JobOptions): string | null {
  const { expires_at, timeout_ms, backoff, callback_url, schedule, flow, template, api_key } = options;
  const stored = expires_at ?? timeout_ms ?? backoff ?? callback_url ?? schedule ?? flow ?? template;
  if (stored === undefined) return api_key === undefined ? null : keyText(api_key);
  return JSON.stringify({ expires_at, timeout_ms, backoff, callback_url, schedule, flow, template, api_key });
}

/** Consecutive jobs mostly have the same key. */
const keyText = lastText((api_key: string) => JSON.stringify({ api_key }));
