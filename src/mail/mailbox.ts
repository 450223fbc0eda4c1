/**
 * One mail address, read strictly. The parsers of mail libraries read more into a string than its sender may mean (a
 * second recipient, a group, a line break with a command), so no such string reaches them: they get mailboxes.
 */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

// RFC 5322 dot-atom and RFC 1123 host name: no quoted local part, no comment, no group, no domain literal.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const ADDR_SPEC = new RegExp(`^(?=[^@]{1,64}@)${ATOM}(?:\\.${ATOM})*@${LABEL}(?:\\.${LABEL})*$`);
const NAMED = /^(?:"([^"\\\p{Cc}]*)" ?|([^"\\<>()[\],;:@\p{Cc}]*))<([^<>]*)>$/u;

/** Reads `addr-spec` or `Name <addr-spec>`; undefined for anything else. At most 254 characters of address (RFC 5321, 4.5.3.1.3). */
export function parseMailbox(text: string): Mailbox | undefined {
  const named = NAMED.exec(text);
  const address = named === null ? text : (named[3] ?? "");
  if (address.length > 254 || !ADDR_SPEC.test(address)) return undefined;
  return { name: (named?.[1] ?? named?.[2] ?? "").trim(), address };
}

/** The mailboxes of a field whose every entry {@link parseMailbox} can read; one that it cannot is left out. */
export function mailboxes(field: string | readonly string[] | undefined): Mailbox[] {
  return [field ?? []].flat().flatMap((text) => parseMailbox(text) ?? []);
}
