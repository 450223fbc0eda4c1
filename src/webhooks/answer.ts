/** What an answer says about a delivery. */
import type { Sign } from "../core/destination.ts";
import { PermanentError, RetryableError, RetryAfterError } from "../core/job-type.ts";
import type { OutboundResponse } from "../net/outbound.ts";
import { retryAfterMs } from "../net/retry-after.ts";

/** What a 429 without a usable Retry-After waits: a minute, the window over which most limits count. */
const DEFAULT_RETRY_AFTER_MS = 60_000;

/** Throws for an answer that is no success what says whether a repeat may mend it, and when. @param now epoch ms */
export function judge({ status, headers, body }: OutboundResponse, now: number): void {
  if (status >= 200 && status < 300) return;
  const excerpt = excerptOf(body, 200).replace(/[\s\p{Cc}]+/gu, " ").trim();
  const message = excerpt === "" ? `HTTP ${status}` : `HTTP ${status}: ${excerpt}`;
  const code = `http_${status}`;
  const askedMs = retryAfterMs(headers["retry-after"], now);
  if (status === 429) throw new RetryAfterError(message, askedMs ?? DEFAULT_RETRY_AFTER_MS, { code });
  if (status === 408 || status === 425 || status >= 500) throw new RetryableError(message, { code, atLeastMs: askedMs ?? 0 });
  throw new PermanentError(message, { code });
}

/** What a status says about the host that answers with it. */
export function signOf(status: number): Sign {
  if (status === 429) return "busy";
  if (status === 503) return "overloaded";
  return status >= 500 ? "failed" : "up";
}

/** The beginning of a body as text. A character that the limit splits is left out. */
export function excerptOf(body: Buffer, maxBytes: number): string {
  return new TextDecoder().decode(body.subarray(0, maxBytes), { stream: true });
}
