/** The signature of a request by Standard Webhooks 1.0.0, symmetric scheme `v1`. */
import { createHmac } from "node:crypto";

/** A secret, its successor, and room for more. */
export const MAX_SECRETS = 5;
/** What begins a secret that is base64. */
const PREFIX = "whsec_";
/** "between 24 bytes (192 bits) and 64 bytes (512 bits)": Standard Webhooks 1.0.0, "Signature scheme". */
const KEY_BYTES = { least: 24, most: 64 };

/**
 * The value of `webhook-signature` for the exact bytes of a body, of a text in UTF-8: one signature for each secret, in their order, so that a
 * receiver that knows any of them is content while a secret is replaced.
 * @param secrets after `whsec_` base64; else the bytes of the text are the key
 */
export function signatureOf(secrets: readonly string[], id: string, timestampSeconds: number, body: string | Buffer): string {
  const start = `${id}.${timestampSeconds}.`;
  return secrets.map((secret) => `v1,${createHmac("sha256", keyOf(secret)).update(start).update(body).digest("base64")}`).join(" ");
}

/** What is wrong with a secret, as a clause; undefined for a good one. */
export function secretFault(secret: string): string | undefined {
  if (!secret.startsWith(PREFIX)) return undefined;
  const { length } = keyOf(secret);
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3}={0,2})?$/.test(secret.slice(PREFIX.length));
  return isBase64 && length >= KEY_BYTES.least && length <= KEY_BYTES.most ? undefined : `must be base64 of ${KEY_BYTES.least} to ${KEY_BYTES.most} bytes after ${PREFIX}`;
}

function keyOf(secret: string): Buffer {
  return secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), "base64") : Buffer.from(secret, "utf8");
}
