/** What callbacks are signed with: CALLBACK_SECRET, a secret of the installation. A job names it; its value is looked up when the request is sent. */
import { StartError } from "../../errors.ts";
import { webhookError } from "./error-codes.ts";
import { MAX_SECRETS, secretIssue } from "./signature.ts";

const SETTING = "CALLBACK_SECRET";

/** What stands in a callback's payload as `secret`. A caller cannot say so: to the schema of a webhook a secret is text, or a list of texts. */
export const CALLBACK_SECRET_NAME = JSON.stringify({ setting: SETTING });

/**
 * What a webhook, or a callback, is signed with.
 * @param secret as the payload has it: the caller's own, or the name of ours; of callbacks that an earlier version enqueued, our secrets themselves
 * @param ours those of this replica
 * @throws RetryableError where a callback is to be signed, and this replica has nothing to sign it with: another one may
 */
export function secretsToSignWith(secret: unknown, ours: readonly string[]): readonly string[] {
  if (typeof secret === "string") return [secret];
  if (Array.isArray(secret)) return secret as string[];
  if (secret === undefined) return [];
  if ((secret as { readonly setting?: unknown }).setting !== SETTING || ours.length === 0) {
    throw webhookError.retryable(
      "callback_secret_missing",
      `the callback is to be signed, and ${SETTING} is not set on this replica`,
    );
  }
  return ours;
}

/** @throws StartError for a secret that is none, or for too many */
export function signingSecrets(secrets: string): readonly string[] {
  const list = secrets.split(/\s+/).filter((secret) => secret !== "");
  if (list.length > MAX_SECRETS)
    throw new StartError(`${SETTING}: expected at most ${MAX_SECRETS} secrets, got ${list.length}`);
  for (const issue of list.map(secretIssue))
    if (issue !== undefined) throw new StartError(`${SETTING}: each secret ${issue}`);
  return list;
}
