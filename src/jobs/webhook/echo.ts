/**
 * Removes the request's credentials from a response: a receiver may repeat them, and the response is shown with the
 * job.
 */
import { secretsOfUrl } from "../../core/readable-url.ts";
import { isHarmlessHeader } from "../../core/redaction.ts";

/** A shorter credential could be any word of the response. */
const LEAST_LENGTH = 8;

/**
 * @param url the caller's URL, which 404 pages often repeat
 * @param headers the caller's headers
 * @param secrets the secrets that signed the request
 */
export function withoutEchoes(
  body: Buffer,
  url: string,
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Buffer {
  const values = Object.entries(headers).flatMap(([name, value]) =>
    isHarmlessHeader(name) ? [] : [value, ...value.split(/[\s,;=:"]+/)],
  );
  const credentials = [...new Set([...values, ...secrets, ...secretsOfUrl(url)])]
    .filter(({ length }) => length >= LEAST_LENGTH)
    .sort((a, b) => b.length - a.length);
  if (credentials.length === 0) return body;
  const text = body.toString("latin1"); // each byte is one character, so all other bytes stay unchanged
  let clean = text;
  for (const credential of credentials) {
    for (const spelling of spellingsOf(credential)) clean = clean.replaceAll(spelling, "[redacted]");
  }
  return clean === text ? body : Buffer.from(clean, "latin1");
}

/** The spellings of a credential: as sent, in JSON and in URLs, each in Latin-1 and as UTF-8 bytes. */
function spellingsOf(credential: string): Set<string> {
  const texts = [
    credential,
    JSON.stringify(credential).slice(1, -1),
    encodeURIComponent(Buffer.from(credential).toString()),
  ];
  return new Set(texts.flatMap((text) => [Buffer.from(text).toString("latin1"), text]));
}
