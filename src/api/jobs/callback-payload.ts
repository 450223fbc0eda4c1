/** Recognizes the payload of a callback, which the server wrote (replica/callback.ts). */
import type { Job } from "../../core/job.ts";
import { memberText, memberTexts } from "../../core/json-span.ts";
import { callbackId } from "../../queue/ids.ts";

/**
 * Whether a webhook delivers a callback, or runs one again.
 * @param payload its whole payload, JSON
 */
export function isCallbackPayload({ id, options }: Pick<Job, "id" | "options">, payload: string): boolean {
  const members = memberTexts(payload);
  // Only the server names its own secret, by an object
  if (members.get("secret")?.startsWith("{")) return true;
  const body = members.get("body");
  if (!body?.startsWith("{")) return false;
  const finished = memberText(body, "id");
  if (!finished?.startsWith('"')) return false;
  const callback = callbackId(JSON.parse(finished) as string);
  return callback === id || callback === options.retry_of;
}
