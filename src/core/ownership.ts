/** Which API key a job belongs to: the one that submitted it, under the key's id, which no other key ever has. */
import type { ApiKey } from "./api-key.ts";
import { hasScope } from "./api-key.ts";
import type { JobOptions, Submission } from "./job.ts";

/** The same submission, as that of this key; as it is where no key was needed. */
export function ownedBy(submission: Submission, apiKey: string | undefined): Submission {
  return apiKey === undefined ? submission : { ...submission, options: ownedOptions(submission.options, apiKey) };
}

let last: { readonly options: JobOptions; readonly apiKey: string; readonly owned: JobOptions } | undefined;

/**
 * Submissions that say nothing of their own share their options, and are encoded once for all of them (wire.ts): so
 * they do with a key.
 */
function ownedOptions(options: JobOptions, apiKey: string): JobOptions {
  if (last?.options !== options || last.apiKey !== apiKey)
    last = { options, apiKey, owned: Object.freeze({ ...options, api_key: apiKey }) };
  return last.owned;
}

/**
 * Whether a caller may act on every job, and is answered with the whole of it: its key reads them anyway, or none is
 * needed.
 */
export function readsAll(caller: ApiKey | undefined): boolean {
  return caller === undefined || hasScope(caller, "read");
}

/** Whether a caller may cancel and retry a job with these options. A job whose key is not known belongs to none. */
export function mayActOn(caller: ApiKey | undefined, { api_key }: JobOptions): boolean {
  return caller === undefined || hasScope(caller, "read") || api_key === caller.id;
}
