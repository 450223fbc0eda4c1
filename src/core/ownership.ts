/** A job belongs to the API key that submitted it. It stores the key's id, which no other key ever has. */
import type { ApiKey } from "./api-key.ts";
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
export function readsAll(caller: ApiKey | undefined): boolean {
  return caller === undefined || hasScope(caller, "read");
}

/** Whether a caller may cancel and retry a job with these options. A job without a key belongs to no key. */
export function mayActOn(caller: ApiKey | undefined, { api_key }: JobOptions): boolean {
  return caller === undefined || hasScope(caller, "read") || api_key === caller.id;
}
