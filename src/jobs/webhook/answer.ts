/** What a response means for a delivery, and for the health of its host. */
import type { HostHealth } from "../../core/destination.ts";
import { codeOf } from "../../errors.ts";
import { assertSuccess, type StatusMeaning } from "../../net/http-outcome.ts";
import type { OutboundResponse } from "../../net/outbound.ts";
import { webhookError } from "./error-codes.ts";

/**
 * Returns for a success, and throws the error of the delivery otherwise, with the beginning of the body in its message.
 * @param nowMs epoch ms
 */
export function judge(response: OutboundResponse, meaning: StatusMeaning, nowMs: number): void {
  if (meaning === "success") return;
  const { status, body } = response;
  const excerpt = excerptOf(body, 200)
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const code = `http_${status}` as const;
  assertSuccess(response, webhookError, {
    message: excerpt === "" ? `HTTP ${status}` : `HTTP ${status}: ${excerpt}`,
    codes: { final: code, retry: code, busy: code },
    meaning,
    nowMs,
  });
}

/**
 * The health of a host after its response. A success that does not end is a failure: it occupies a slot until its time
 * limit.
 */
export function healthOf({ status, flaw }: OutboundResponse, meaning: StatusMeaning): HostHealth {
  if (codeOf(flaw) === "timeout") return "failed";
  if (meaning === "success") return "up";
  if (status === 429) return "busy";
  if (status === 503) return "overloaded";
  return status >= 500 ? "failed" : "up";
}

/** The beginning of a body as text. A character that the limit splits is left out. */
export function excerptOf(body: Buffer, maxBytes: number): string {
  return new TextDecoder().decode(body.subarray(0, maxBytes), { stream: body.length > maxBytes });
}
