/** Idempotency keys (draft-ietf-httpapi-idempotency-key-header): what the queue knows them and their bodies by. */
import { createHash } from "node:crypto";
import type { Submitted } from "../queue/enqueuer.ts";

/** 1 to 255 visible ASCII characters. */
const KEY = /^[\x21-\x7e]{1,255}$/;

export function isIdempotencyKey(key: string): boolean {
  return KEY.test(key);
}

/**
 * @param callerId the API key that it came with: another's key is another key
 * @param call what the key is for: the same key may serve another call
 */
export function idempotencyOf(key: string, callerId: string | undefined, call: "job" | "batch", body: Uint8Array, ttlMs: number): NonNullable<Submitted["idempotency"]> {
  return { key: `${call}:${hash(callerId === undefined ? key : `${callerId} ${key}`)}`, fingerprint: hash(body), ttlMs };
}

function hash(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url");
}
