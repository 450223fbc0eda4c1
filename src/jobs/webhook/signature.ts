/** The signature of a request by Standard Webhooks 1.0.0, symmetric scheme `v1`. */
import { createHmac } from "node:crypto";

/** A secret, its successor, and room for more. */
export const MAX_SECRETS = 5;
/** The prefix of a secret. */
const PREFIX = "whsec_";
/** "between 24 bytes (192 bits) and 64 bytes (512 bits)": Standard Webhooks 1.0.0, "Signature scheme". */
const KEY_BYTES = { least: 24, most: 64 };

/** Each character can be matched in one way only. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The value of `webhook-signature` for the exact bytes of a body (a string in UTF-8): the signatures of all secrets, in
 * their order, so that a receiver that knows any of them accepts the request while a secret is replaced.
 * @param secrets valid by {@link secretIssue}; jobs of earlier versions may have any text, whose bytes are the key
 */
export function signatureOf(
  secrets: readonly string[],
  id: string,
  timestampSeconds: number,
  body: string | Buffer,
): string {
  const start = `${id}.${timestampSeconds}.`;
  return secrets
    .flatMap(keysOf)
    .map((key) => `v1,${createHmac("sha256", key).update(start).update(body).digest("base64")}`)
    .join(" ");
}

/** What is wrong with a secret, as a clause; undefined for a valid one. */
export function secretIssue(secret: string): string | undefined {
  const text = unprefixed(secret);
  const { length } = Buffer.from(text, "base64");
  const isGood = BASE64.test(text) && length >= KEY_BYTES.least && length <= KEY_BYTES.most;
  return isGood ? undefined : `must be ${PREFIX} and then base64 of ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes`;
}

function unprefixed(secret: string): string {
  return secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
}

/**
 * The libraries of the scheme also read a secret without the prefix as base64. Receivers that were written for earlier
 * versions use the bytes of its text as the key, so such a secret signs twice.
 */
function keysOf(secret: string): Buffer[] {
  if (secret.startsWith(PREFIX)) return [Buffer.from(unprefixed(secret), "base64")];
  const text = Buffer.from(secret, "utf8");
  return secretIssue(secret) === undefined ? [Buffer.from(secret, "base64"), text] : [text];
}
