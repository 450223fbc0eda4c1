/**
 * One mail address, read strictly. The parsers of mail libraries read more into a string than its sender may mean (a
 * second recipient, a group, a line break with a command), so no such string reaches them: they get mailboxes.
 */
import { domainToASCII } from "node:url";

export interface Mailbox {
  readonly name: string;
  /** The domain in ASCII (`xn--…`), as it stands in DNS; the local part as it was given. */
  readonly address: string;
}

// RFC 5322 dot-atom with the letters of RFC 6531 (SMTPUTF8), and RFC 1123 host name: no quoted local part, no comment, no
// group, no domain literal. Of what is not ASCII: letters, marks, digits and symbols; no separator, control or unassigned code.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\-\\u{80}-\\u{10ffff}]+";
const LOCAL = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, "u");
const INVISIBLE = /[\p{C}\p{Z}]/u;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const NAMED = /^(?:"([^"\\\p{Cc}\u2028\u2029]*)" ?|([^"\\<>()[\],;:@\p{Cc}\u2028\u2029]*))<([^<>]*)>$/u;
/** Octets, by RFC 5321, 4.5.3.1. */
const MAX_LOCAL = 64;
const MAX_ADDRESS = 254;

/** Reads `addr-spec` or `Name <addr-spec>`, internationalised ones too (RFC 6531, RFC 5890); undefined for anything else. */
export function parseMailbox(text: string): Mailbox | undefined {
  const named = NAMED.exec(text);
  const spec = named === null ? text : (named[3] ?? "");
  const at = spec.lastIndexOf("@");
  const local = spec.slice(0, at);
  if (at < 1 || local.length > MAX_LOCAL || !LOCAL.test(local) || INVISIBLE.test(spec) || local !== local.normalize("NFC") || Buffer.byteLength(local) > MAX_LOCAL) return undefined;
  const domain = asciiDomain(spec.slice(at + 1));
  if (domain === undefined || Buffer.byteLength(local) + 1 + domain.length > MAX_ADDRESS) return undefined;
  return { name: (named?.[1] ?? named?.[2] ?? "").trim(), address: `${local}@${domain}` };
}

/** A domain as DNS has it, by UTS #46. Names of ASCII alone, which most are, need no look into its tables. */
function asciiDomain(domain: string): string | undefined {
  const ascii = /^[\x00-\x7f]*$/.test(domain) ? domain : domainToASCII(domain);
  return DOMAIN.test(ascii) ? ascii : undefined;
}

/** The mailboxes of a field whose every entry {@link parseMailbox} can read; one that it cannot is left out. */
export function mailboxes(field: string | readonly string[] | undefined): Mailbox[] {
  return [field ?? []].flat().flatMap((text) => parseMailbox(text) ?? []);
}
