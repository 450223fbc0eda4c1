/**
 * Parses one mail address strictly. The parsers of mail libraries may find more in a string than its sender meant (a
 * second recipient, a group, a line break with a command), so they never get a string: they get parsed mailboxes.
 */
import { domainToASCII } from "node:url";

export interface Mailbox {
  readonly name: string;
  /**
   * The canonical spelling: the domain in ASCII (`xn--…`) and lower case, as in DNS; the local part as given, because
   * only its server knows which letters are equal (RFC 5321, 2.4), but without unnecessary quotes.
   */
  readonly address: string;
}

/** An address as payloads write it. */
export type Address = string | { readonly name?: string; readonly address: string };

// RFC 5322 dot-atom with the letters of RFC 6531 (SMTPUTF8), and RFC 1123 host name: no comment, no group, no domain
// literal. Of what is not ASCII: letters, marks, digits and symbols; no separator, control or unassigned code.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\\u{80}-\\u{10ffff}]+";
const LOCAL = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, "u");
const QUOTED_LOCAL = /^"((?:[^"\\]|\\.)*)"$/s;
const INVISIBLE = /[\p{C}\p{Z}]/u;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const LINE_BREAKING = /[\p{Cc}\u2028\u2029]/u;
/** A name, then the address in angle brackets. */
const NAMED = /^([^]*)<([^<>]*)>$/;
/**
 * One word of a name: a quoted string, in which a backslash escapes a quote or a backslash, or characters that need no
 * quotes.
 */
const WORD = /( *)(?:"((?:[^"\\]|\\.)*)"|([^"\\<>[\],;:@ ]+))/uy;
/** Octets, by RFC 5321, 4.5.3.1. */
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;

/**
 * Reads `addr-spec`, `Name <addr-spec>` or an object, internationalised ones too (RFC 6531, RFC 5890); undefined for
 * anything else.
 */
export function parseMailbox(written: Address): Mailbox | undefined {
  if (typeof written !== "string") {
    const { name = "" } = written;
    const address = LINE_BREAKING.test(name) ? undefined : parseSpec(written.address);
    return address === undefined ? undefined : { name: name.trim(), address };
  }
  if (LINE_BREAKING.test(written)) return undefined;
  const [, phrase = "", bracketed] = NAMED.exec(written) ?? [];
  const name = parsePhrase(phrase);
  const address = parseSpec(bracketed ?? written);
  return name === undefined || address === undefined ? undefined : { name, address };
}

const EXPECTED = "expected one address, such as jane@example.com or Jane Doe <jane@example.com>";

/** Why the text is not a mailbox; undefined if it is one. */
export function issueOfMailbox(written: Address): string | undefined {
  if (parseMailbox(written) !== undefined) return undefined;
  if (typeof written !== "string") return "expected an address such as jane@example.com, and a name of one line";
  if (/^[^"<>@,]*:/.test(written)) return `${EXPECTED}; a group is not one: list its members`;
  const [, phrase, bracketed = ""] = NAMED.exec(written) ?? [];
  if (phrase !== undefined && parseSpec(bracketed) !== undefined) {
    return `${EXPECTED}; a name with , ; : @ < > [ ] " or \\ in it goes into quotes, with a backslash before " and \\, or is given as {"name", "address"}`;
  }
  return EXPECTED;
}

function parseSpec(spec: string): string | undefined {
  const at = spec.lastIndexOf("@");
  const given = spec.slice(0, at);
  // "jane.doe"@example.com is jane.doe@example.com (RFC 5321, 4.1.2); a local part that needs quotes is rejected
  const local = QUOTED_LOCAL.exec(given)?.[1]?.replace(/\\(.)/gs, "$1") ?? given;
  if (
    at < 1 ||
    local.length > MAX_LOCAL ||
    !LOCAL.test(local) ||
    INVISIBLE.test(spec) ||
    local !== local.normalize("NFC") ||
    Buffer.byteLength(local) > MAX_LOCAL
  )
    return undefined;
  const domain = asciiDomain(spec.slice(at + 1));
  return domain === undefined || Buffer.byteLength(local) + 1 + domain.length > MAX_ADDRESS
    ? undefined
    : `${local}@${domain}`;
}

/**
 * The words of a name without their quotes. Parentheses are part of the name, not a comment: people write `Jane
 * (Sales)` and want it to be displayed.
 */
function parsePhrase(phrase: string): string | undefined {
  let name = "";
  WORD.lastIndex = 0;
  const end = phrase.trimEnd().length;
  while (WORD.lastIndex < end) {
    const [, space = "", quoted, bare = ""] = WORD.exec(phrase) ?? [];
    if (WORD.lastIndex === 0) return undefined; // not a word: start again
    name += space + (quoted?.replace(/\\(.)/gu, "$1") ?? bare);
  }
  return name.trim();
}

/** A domain in ASCII as in DNS, by UTS #46. Most names are ASCII already and skip the conversion. */
function asciiDomain(domain: string): string | undefined {
  const ascii = /^[\x00-\x7f]*$/.test(domain) ? domain.toLowerCase() : domainToASCII(domain);
  return DOMAIN.test(ascii) ? ascii : undefined;
}

/** The mailboxes of a field. Entries that {@link parseMailbox} rejects are omitted. */
export function mailboxes(field: Address | readonly Address[] | undefined): Mailbox[] {
  return [field ?? []].flat().flatMap((written) => parseMailbox(written) ?? []);
}

/** Whether the address can only be written if the server offers SMTPUTF8 (RFC 6531). */
export function needsUtf8({ address }: Mailbox): boolean {
  return /[^\x00-\x7f]/.test(address);
}
