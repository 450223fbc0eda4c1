/** A job belongs to the caller who submitted it. It stores the caller's id, which no other caller ever has. */
import type { Caller } from "./api-key.ts";
import { hasScope } from "./api-key.ts";
import type { JobOptions, Submission } from "./job.ts";

/** The submission with this key as its owner; unchanged if the request had no key. */
export function ownedBy(submission: Submission, apiKey: string | undefined): Submission {
  return apiKey === undefined ? submission : { ...submission, options: ownedOptions(submission.options, apiKey) };
}

let last: { readonly options: JobOptions; readonly apiKey: string; readonly owned: JobOptions } | undefined;

/**
 * Submissions without options share one options object, which is encoded once (packed-job.ts). This cache keeps it
 * shared for consecutive submissions of one key.
 */
function ownedOptions(options: JobOptions, apiKey: string): JobOptions {
  if (last?.options !== options || last.apiKey !== apiKey)
    last = { options, apiKey, owned: Object.freeze({ ...options, api_key: apiKey }) };
  return last.owned;
}

/**
 * Whether a caller may act on every job and sees all its fields: its key has the scope `read`, or the server needs no
 * keys.
 */
export function readsAll(caller: Caller | undefined): boolean {
  return caller === undefined || hasScope(caller, "read");
}

/**
 * Whether a caller may change the payload of a job with these options: its own submission. A payload may contain the
 * credentials of its owner, which a change could send elsewhere; that of a rerun, or of a schedule, may be of another
 * owner.
 */
export function mayChangePayload(caller: Caller | undefined, { api_key, retry_of, schedule }: JobOptions): boolean {
  if (caller === undefined || hasScope(caller, "admin")) return true;
  return api_key === caller.id && retry_of === undefined && schedule === undefined;
}

/** Whether a caller may cancel and retry a job with these options. A job without a key belongs to no key. */
export function mayActOn(caller: Caller | undefined, { api_key }: JobOptions): boolean {
  return caller === undefined || hasScope(caller, "read") || api_key === caller.id;
}
