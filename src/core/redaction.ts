/**
 * Redacts a payload for display: members named like credentials, the values of all headers but harmless ones, and the
 * secrets in URLs (readable-url.ts). The content that a job delivers stays unchanged, because its caller wrote it for
 * others to read: members with `delivered: true` in the payload schema of the job's type.
 */
import { rewritten, type Visitor, valueText } from "./json-span.ts";
import { isUrl, readableUrl } from "./readable-url.ts";

const REDACTED = '"[redacted]"';

/** Headers whose values are never credentials, of HTTP and of mail. */
const HARMLESS_HEADERS = new Set(
  (
    "accept accept-charset accept-encoding accept-language cache-control content-disposition content-encoding content-language content-type date " +
    "idempotency-key request-id traceparent user-agent x-correlation-id x-request-id x-trace x-trace-id correlation-id " +
    "auto-submitted importance in-reply-to keywords list-id organization precedence priority references x-auto-response-suppress x-mailer x-priority"
  ).split(" "),
);

/** The name of a header that carries a credential. */
const CREDENTIAL_HEADER =
  /auth|cookie|token|secret|passw|credential|signature|session|jwt|bearer|access|api-?key|(?<!idempotency-)key$/i;

/**
 * The name of a member that contains a credential, without separators: `apiKey`, `api_key` and `API-KEY` are the same.
 */
const CREDENTIAL_MEMBER =
  /secret|passw(?:or)?d|passphrase|credential|token|apikey|accesskey|privatekey|signingkey|encryptionkey|authorization|bearer|jwt|cookie|^(?:auth|pass|pwd|pin|otp|sessionid|sid)$/;
const HEADERS_MEMBER = /headers$/;
const URL_MEMBER = /ur[il]s?$|endpoint$|href$/;

/** A URL in JSON that does not match this needs no redaction. */
const MAY_REDACT = /[?#@\\]|(?<![\w:~-])[\w:~-]{20}/;
/** In characters: every URL's scheme ends before this, even if each character is an escape. */
const LONGEST_SCHEME = 256;

/**
 * Replaces the secrets in a payload's text, and leaves the rest unchanged.
 * @param payload the JSON text of an object
 */
export type Redact = (payload: string) => string;

/** For a type that is not known: the payload is searched as a whole. */
export const redactWhole: Redact = (payload) => rewritten(payload, visitAny);

/** @param schema the payload schema of a type */
export function redactionOf(schema: PayloadSchema): Redact {
  const visitor = visitorOf([schema]);
  return visitor ? (payload) => rewritten(payload, visitor) : redactWhole;
}

/** Whether a header is named like one that carries a credential. */
export function isCredential(header: string): boolean {
  return CREDENTIAL_HEADER.test(header);
}

/** Whether a header's value is never a credential. */
export function isHarmlessHeader(name: string): boolean {
  return HARMLESS_HEADERS.has(name.toLowerCase());
}

const visitHeaders: Visitor = (name = "", json, start) =>
  isHarmlessHeader(name) && !"{[".includes(json.charAt(start)) ? undefined : REDACTED;

const visitAny: Visitor = (name, json, start) => {
  const first = json.charAt(start);
  const meaning = name === undefined ? "plain" : meaningOf(name);
  if (meaning === "credential" || meaning === "count") return isShown(meaning, first) ? undefined : REDACTED;
  if (meaning === "headers") return first === "{" ? visitHeaders : REDACTED;
  return first === '"' ? redactUrl(valueText(json, start), meaning) : visitAny;
};

/** The part of a JSON Schema that says which members a job delivers. */
interface PayloadSchema {
  readonly delivered?: boolean;
  readonly properties?: Readonly<Record<string, PayloadSchema>>;
  readonly anyOf?: readonly PayloadSchema[];
}

/** @param schemas those of one value @returns undefined if nothing in it is delivered */
function visitorOf(schemas: readonly PayloadSchema[]): Visitor | undefined {
  const within = new Map<string, Visitor | undefined>();
  for (const [name, ofMember] of membersOf(schemas)) {
    const visitor = visitorOf(ofMember);
    if (visitor || ofMember.some(({ delivered }) => delivered)) within.set(name, visitor);
  }
  if (within.size === 0) return undefined;
  return (name = "", json, start) => (within.has(name) ? within.get(name) : visitAny(name, json, start));
}

/** The schemas of each member, from all alternatives. */
function membersOf(schemas: readonly PayloadSchema[]): ReadonlyMap<string, readonly PayloadSchema[]> {
  const members = new Map<string, PayloadSchema[]>();
  for (const { properties = {}, anyOf = [] } of schemas) {
    for (const [name, schema] of Object.entries(properties)) members.set(name, [...(members.get(name) ?? []), schema]);
    for (const [name, ofMember] of membersOf(anyOf)) members.set(name, [...(members.get(name) ?? []), ...ofMember]);
  }
  return members;
}

/** The meaning of a member by its name; a `count` that is not a number is a credential. */
type Meaning = "credential" | "count" | "headers" | "url" | "plain";

/** Names repeat from job to job, and reading one takes 1 µs. */
const meanings = new Map<string, Meaning>();
const MAX_MEANINGS = 1_000;
const LONGEST_NAME = 64;

function meaningOf(name: string): Meaning {
  const known = meanings.get(name);
  if (known !== undefined) return known;
  const meaning = readMeaning(name.toLowerCase().replace(/[^a-z0-9]/g, ""));
  if (name.length <= LONGEST_NAME && meanings.size < MAX_MEANINGS) meanings.set(name, meaning);
  return meaning;
}

function readMeaning(bare: string): Meaning {
  if (CREDENTIAL_MEMBER.test(bare)) return bare.endsWith("tokens") ? "count" : "credential";
  if (HEADERS_MEMBER.test(bare)) return "headers";
  return URL_MEMBER.test(bare) ? "url" : "plain";
}

/** null, true and false reveal nothing, and a number of tokens is a count. */
function isShown(meaning: Meaning, first: string): boolean {
  return first === "n" || first === "t" || first === "f" || (meaning === "count" && /[-0-9]/.test(first));
}

/** @returns the JSON text of the redacted URL; undefined if there is nothing to redact */
function redactUrl(json: string, meaning: Meaning): string | undefined {
  const isNamedUrl = meaning === "url";
  const start = json.slice(0, LONGEST_SCHEME);
  if (!isNamedUrl && !start.includes(":") && !start.includes("\\")) return undefined; // most values, at little cost
  if (!MAY_REDACT.test(json)) return undefined;
  const url = JSON.parse(json) as string;
  if (!isNamedUrl && !isUrl(url)) return undefined;
  const readable = readableUrl(url);
  return readable === url ? undefined : JSON.stringify(readable);
}
