/**
 * Rewrites invalid response heads into heads that the HTTP library accepts. A receiver has already acted when it
 * responds, so strictness would harm it: its job would be repeated because of a space before a colon.
 */

/** A head that needs no repair apart from its framing. The text has one character for each byte. */
const CLEAN =
  /^HTTP\/1\.[01] ([2-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/;
const FRAMING = /\n(?:content-length|transfer-encoding):[ \t]*/gi;
const PLAIN_FRAMING = /\n(?:content-length:[ \t]*\d{1,15}|transfer-encoding:[ \t]*chunked)[ \t]*\r/i;
const STATUS_LINE = /^HTTP\/(\d+(?:\.\d+)?)[ \t]+([1-9]\d\d)(?!\d)([^\r\n]*)/i;
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/**
 * Headers of the connection. The connection is closed after a repaired head, so that the end of the body is certain.
 */
const OF_CONNECTION = new Set(["connection", "keep-alive", "proxy-connection", "upgrade"]);

/**
 * The status of a complete response head that is valid; undefined for all others. Most heads are valid, and this check
 * is fast.
 */
export function cleanStatus(start: string): number | undefined {
  const [head, status] = CLEAN.exec(start) ?? [];
  return head !== undefined && hasPlainFraming(head, status) ? Number(status) : undefined;
}

/** Whether at most one header determines where the body ends, and none if there is no body. */
function hasPlainFraming(head: string, status: string | undefined): boolean {
  FRAMING.lastIndex = 0;
  if (!FRAMING.test(head)) return true;
  return status !== "204" && status !== "304" && !FRAMING.test(head) && PLAIN_FRAMING.test(head);
}

/** The status in a response of which this much has arrived; undefined if the status is incomplete or missing. */
export function statusIn(start: string): number | undefined {
  const [whole, , status, rest] = STATUS_LINE.exec(start) ?? [];
  return whole === undefined || (rest === "" && whole.length === start.length) ? undefined : Number(status);
}

/**
 * Whether these bytes may be the beginning of a response: they begin with `HTTP/`, and the first line, if complete, has
 * a status.
 */
export function mayBeResponse(start: string): boolean {
  const name = start.slice(0, 5).toUpperCase();
  return "HTTP/".startsWith(name) && (!start.includes("\n") || statusIn(start) !== undefined);
}

/**
 * Returns a head that the library accepts; a valid head is returned unchanged. Otherwise lines end in CR LF, folded
 * lines become one line (RFC 9112, 5.2), spaces before a colon are removed, lines that are not headers are dropped,
 * characters that headers must not contain become spaces, `Transfer-Encoding` takes precedence over `Content-Length`,
 * equal lengths count once, contradicting lengths are dropped (the body then ends with the connection), and 204 and 304
 * have no length.
 */
export function mendedHead(head: string): string {
  if (cleanStatus(head) !== undefined) return head;
  const [first = "", ...rest] = head.split(/\r?\n/);
  const [, version, status = "", reason = ""] = STATUS_LINE.exec(first) ?? [];
  const fields = withFraming(fieldsIn(rest), status);
  const lines = [
    `HTTP/1.${version === "1.0" ? 0 : 1} ${status} ${printable(reason)}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`;
}

type Field = readonly [name: string, value: string];

function fieldsIn(lines: readonly string[]): Field[] {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line)) {
      if (last) last[1] = `${last[1]} ${printable(line)}`.trim();
      continue;
    }
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (TOKEN.test(name)) fields.push([name, printable(line.slice(colon + 1))]);
  }
  return fields.filter(([name]) => !OF_CONNECTION.has(name));
}

function printable(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, " ").trim();
}

/** RFC 9112, 6.3. */
function withFraming(fields: readonly Field[], status: string): readonly Field[] {
  const others = fields.filter(([name]) => name !== "content-length" && name !== "transfer-encoding");
  if (status === "204" || status === "304") return others;
  const codings = fields
    .filter(([name]) => name === "transfer-encoding")
    .map(([, value]) => value)
    .join(", ");
  if (codings !== "") return [...others, ["transfer-encoding", codings]];
  const lengths = new Set(
    fields
      .filter(([name]) => name === "content-length")
      .flatMap(([, value]) => value.split(",").map((length) => length.trim())),
  );
  const [length = ""] = lengths;
  return lengths.size === 1 && /^\d{1,15}$/.test(length) ? [...others, ["content-length", length]] : others;
}
