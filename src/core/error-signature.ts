/**
 * The signature of an error message: the message without the parts that differ between jobs, so that the failures of
 * one cause have one signature.
 */
import { storable } from "./storable.ts";

const MAX_SIGNATURE_LENGTH = 200;
/** Only this part of a message counts. The message of an attempt is no longer (core/settle.ts). */
const MAX_MESSAGE_LENGTH = 2_000;

/**
 * Quoted parts. One that is not closed runs to the end, where a long message was cut. An apostrophe within a word, or
 * behind it, opens none; each vain try at an apostrophe ends at the next one, so the time is linear.
 */
const QUOTED = /"[^"]*"?|`[^`]*`?|“[^”]*”?|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])/gu;
/** A placeholder, a URL, or a word. */
const PART = /<text>|[^\s<>()[\]{}|,;]+:\/\/(?:[^\s<>]|<text>)*|[^\s<>()[\]{}|,;]+/g;
const UUID = /(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])/gi;
const HEX = /(?<![0-9a-z])(?:0x[0-9a-f]+|(?=\d*[a-f])[0-9a-f]{8,})(?![0-9a-z])/gi;
const NUMBER = /(?:(?<![\p{L}\p{N}-])-)?\d+(?:\.\d+)*/gu;
const LETTER = /\p{L}/u;
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
const SENTENCE_ENDS = ".:!?";

/**
 * Replaces quoted parts by `<text>`, the paths and queries of URLs by `<path>`, e-mail addresses by `<email>`, UUIDs by
 * `<id>`, and numbers, also hexadecimal ones of 8 digits or more, by `<n>`. Takes linear time.
 * @returns one line of up to 200 characters, which Postgres can store
 */
export function signatureOf(message: string): string {
  const signature = message
    .slice(0, MAX_MESSAGE_LENGTH)
    .replace(QUOTED, "<text>")
    .replace(PART, signatureOfPart)
    .replace(/\s+/g, " ")
    .trim();
  return storable(signature.slice(0, MAX_SIGNATURE_LENGTH));
}

function signatureOfPart(part: string): string {
  if (part === "<text>") return part;
  const schemeEnd = part.indexOf("://");
  if (schemeEnd > 0) return signatureOfUrl(part, schemeEnd + 3);
  const at = part.lastIndexOf("@");
  if (at > 0 && LETTER_OR_DIGIT.test(part.charAt(at - 1)) && LETTER.test(part.charAt(at + 1)))
    return signatureOfAddress(part, at);
  return withoutNumbers(part);
}

/** @param start of the host, or of the credentials before it, which are left out */
function signatureOfUrl(url: string, start: number): string {
  const rest = url.slice(start);
  const pathAt = rest.search(/[/?#]/);
  const authority = pathAt === -1 ? rest : rest.slice(0, pathAt);
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return `${withoutNumbers(url.slice(0, start) + host)}${pathAt === -1 ? "" : "/<path>"}`;
}

/** @param at where the `@` is. A name before the address, as in `to=a@example.org`, stays. */
function signatureOfAddress(part: string, at: number): string {
  const start = 1 + Math.max(part.lastIndexOf("=", at), part.lastIndexOf(":", at));
  let end = part.length;
  while (SENTENCE_ENDS.includes(part.charAt(end - 1))) end -= 1;
  return `${withoutNumbers(part.slice(0, start))}<email>${part.slice(end)}`;
}

function withoutNumbers(text: string): string {
  return text.replace(UUID, "<id>").replace(HEX, "<n>").replace(NUMBER, "<n>");
}
