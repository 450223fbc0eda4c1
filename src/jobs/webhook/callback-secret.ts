/**
 * CALLBACK_SECRET, the installation's secret that signs callbacks. A job refers to it by name; its value is read when
 * the request is sent.
 */
import { StartError } from "../../errors.ts";
import { webhookError } from "./error-codes.ts";
import { MAX_SECRETS, secretIssue } from "./signature.ts";

const SETTING = "CALLBACK_SECRET";

/**
 * The `secret` of a callback's payload. A caller cannot submit it: the schema of a webhook takes a string or a list of
 * strings.
 */
export const CALLBACK_SECRET_NAME = JSON.stringify({ setting: SETTING });

/**
 * The secrets that sign a webhook or a callback.
 * @param secret of the payload: the caller's secrets, or {@link CALLBACK_SECRET_NAME}. Callbacks of an earlier version
 * contain the installation's secrets themselves
 * @param ours the secrets of this replica
 * @throws RetryableError a callback must be signed, but this replica has no secret; another replica may have one
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

/** @throws StartError a secret is invalid, or there are too many */
export function signingSecrets(secrets: string): readonly string[] {
  const list = secrets.split(/\s+/).filter((secret) => secret !== "");
  if (list.length > MAX_SECRETS)
    throw new StartError(`${SETTING}: expected at most ${MAX_SECRETS} secrets, got ${list.length}`);
  for (const issue of list.map(secretIssue))
    if (issue !== undefined) throw new StartError(`${SETTING}: each secret ${issue}`);
  return list;
}
