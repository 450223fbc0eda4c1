/** What an answer says about a delivery. */
import type { HostHealth } from "../../core/destination.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import { codeOf } from "../../errors.ts";
import type { OutboundResponse } from "../../net/outbound.ts";
import { retryAfterMs } from "../../net/retry-after.ts";
import type { StatusVerdict } from "./statuses.ts";

/** What a 429 without a usable Retry-After waits: a minute, the window over which most limits count. */
const DEFAULT_RETRY_AFTER_MS = 60_000;

/** Throws for an answer that is no success what says whether a repeat may mend it, and when. @param now epoch ms */
export function judge({ status, headers, body }: OutboundResponse, verdict: StatusVerdict, now: number): void {
  if (verdict === "success") return;
  const excerpt = excerptOf(body, 200)
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const message = excerpt === "" ? `HTTP ${status}` : `HTTP ${status}: ${excerpt}`;
  const code = `http_${status}`;
  if (verdict === "final") throw new PermanentError(message, { code });
  const askedMs = retryAfterMs(headers["retry-after"], now);
  if (status === 429) throw new RetryAfterError(message, askedMs ?? DEFAULT_RETRY_AFTER_MS, { code });
  throw new RetryableError(message, { code, atLeastMs: askedMs ?? 0 });
}

/** What an answer says about the host that gives it. A success that does not end holds a slot for as long as it may. */
export function healthOf({ status, flaw }: OutboundResponse, verdict: StatusVerdict): HostHealth {
  if (codeOf(flaw) === "timeout") return "failed";
  if (verdict === "success") return "up";
  if (status === 429) return "busy";
  if (status === 503) return "overloaded";
  return status >= 500 ? "failed" : "up";
}

/** The beginning of a body as text. A character that the limit splits is left out. */
export function excerptOf(body: Buffer, maxBytes: number): string {
  return new TextDecoder().decode(body.subarray(0, maxBytes), { stream: body.length > maxBytes });
}
