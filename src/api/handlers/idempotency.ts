/** Idempotency keys (draft-ietf-httpapi-idempotency-key-header): what the queue knows them and their bodies by. */
import { createHash } from "node:crypto";
import type { Submitted } from "../../queue/enqueuer.ts";
import { problem } from "../http/problem.ts";

/** 1 to 255 visible ASCII characters. */
const KEY = /^[\x21-\x7e]{1,255}$/;

export const BAD_KEY = problem(
  400,
  "idempotency_key_invalid",
  "An Idempotency-Key is 1 to 255 visible ASCII characters.",
);
/** The header of an answer that an earlier request with the same key was given. */
export const REPLAYED = ["Idempotent-Replayed", "true"] as const;

export function isIdempotencyKey(key: string): boolean {
  return KEY.test(key);
}

/**
 * @param callerId the API key that it came with: another's key is another key
 * @param call what the key is for: the same key may serve another call
 * @param body what the call is about: another one under the same key is a conflict
 */
export function idempotencyOf(
  key: string,
  callerId: string | undefined,
  call: "job" | "batch" | "retry" | "replay",
  body: Uint8Array,
  ttlMs: number,
): NonNullable<Submitted["idempotency"]> {
  return {
    key: `${call}:${hash(callerId === undefined ? key : `${callerId} ${key}`)}`,
    fingerprint: hash(body),
    ttlMs,
  };
}

function hash(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url");
}
