/** Idempotency keys (draft-ietf-httpapi-idempotency-key-header): how the queue identifies them and their bodies. */
import { createHash } from "node:crypto";
import type { BulkAction } from "../../core/bulk.ts";
import type { Submitted } from "../../queue/enqueuer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { ApiRequest } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";

/** 1 to 255 visible ASCII characters. */
const KEY = /^[\x21-\x7e]{1,255}$/;

export const BAD_KEY = problem(
  400,
  "idempotency_key_invalid",
  "An Idempotency-Key must be 1 to 255 visible ASCII characters.",
);
/** The header of an answer that repeats the one to an earlier request with the same key. */
export const REPLAYED = ["Idempotent-Replayed", "true"] as const;

export function isIdempotencyKey(key: string): boolean {
  return KEY.test(key);
}

type IdempotentCall =
  | ("job" | "batch" | "retry" | "replay" | "schedule_run" | "schedule_backfill" | BulkAction)
  /** `batch` is that of `POST /api/v1/jobs/batch`. */
  | ("flow" | "flow_batch" | "batch_jobs" | "flow_retry");

/**
 * @param callerId the id of the API key: different API keys may use the same idempotency key
 * @param call different calls may use the same idempotency key
 * @param body what identifies the request: a different body with the same key is a conflict
 */
export function idempotencyOf(
  key: string,
  callerId: string | undefined,
  call: IdempotentCall,
  body: Uint8Array,
  ttlMs: number,
): NonNullable<Submitted["idempotency"]> {
  return {
    key: `${call}:${hash(callerId === undefined ? key : `${callerId} ${key}`)}`,
    fingerprint: hash(body),
    ttlMs,
  };
}

/**
 * That of a request whose body identifies it; undefined if it has no key.
 * @param target the id of what it changes, to which the key belongs
 */
export function idempotencyOfRequest(
  { settings }: Pick<ApiDependencies, "settings">,
  { headers, body, caller }: Pick<ApiRequest, "headers" | "body" | "caller">,
  call: IdempotentCall,
  target?: string,
): Submitted["idempotency"] {
  const key = headers.idempotencyKey;
  if (key === undefined) return undefined;
  const ofTarget = target === undefined ? key : `${target} ${key}`;
  return idempotencyOf(ofTarget, caller?.id, call, body, settings.idempotencyTtlMs);
}

function hash(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url");
}
