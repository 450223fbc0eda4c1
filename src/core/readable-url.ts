/** Redacts a URL for display: it shows the destination of a request, and no credentials. */

const REDACTED = "[redacted]";

/**
 * Query parameters that never contain a credential. The values of all others are redacted: any name may be that of a
 * token.
 */
const HARMLESS_PARAMETERS = new Set(
  (
    "page per_page page_size limit offset size width height quality format fit lang language locale version api-version api_version type kind event " +
    "status sort order direction from to since until date year month day time_zone timezone currency country dry_run"
  ).split(" "),
);
/** The form of a harmless value. */
const PLAIN_VALUE = /^[A-Za-z0-9._:,~-]{0,40}$/;
const PLAIN_NAME = /^[A-Za-z0-9._~%[\]-]{1,40}$/;

/**
 * A part of a path that is at least this long counts as a key if one of its words has both cases and digits: Slack,
 * Discord and Telegram have keys in the path.
 */
const KEY_LENGTH = 20;
const MAY_BE_KEY = /[\w:~-]{20,}/g;
/** Linear time: no text matches in two ways, so each character is read a few times at most. */
const KEY_WORD = /(?<![A-Za-z0-9])(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{8}/;

/** The start of a text that URL parsers treat as an absolute URL, with or without a special scheme (WHATWG URL). */
const ABSOLUTE = /^[\0- ]*[A-Za-z][A-Za-z0-9+.-]{0,30}:[\\/]/;

/** Whether a text begins as an absolute URL does. */
export function isUrl(text: string): boolean {
  return ABSOLUTE.test(text);
}

/**
 * Redacts user information, the fragment, keys in the path, and all query values but harmless ones. It accepts any text
 * and never throws, in time proportional to its length.
 */
export function readableUrl(url: string): string {
  const [, whole = "", hash = ""] = /^([^#]*)(#.*)?$/s.exec(url) ?? [];
  const question = whole.indexOf("?");
  const base = question < 0 ? whole : whole.slice(0, question);
  const query =
    question < 0
      ? ""
      : `?${whole
          .slice(question + 1)
          .split("&")
          .map(readableParameter)
          .join("&")}`;
  const [, scheme = "", rest = ""] = /^([\0- ]*[A-Za-z][A-Za-z0-9+.\t\n\r-]*:[\\/\t\n\r]*)?(.*)$/s.exec(base) ?? [];
  const at = url.includes("@") ? endOfUser(url, scheme.length, rest) : -1;
  // a password may contain `?` or `#`: its end is unknown, so redact the rest
  if (at >= rest.length) return `${scheme}${REDACTED}`;
  return `${scheme}${at < 0 ? "" : `${REDACTED}@`}${withoutKeysInPath(rest.slice(at + 1))}${query}${hash.length > 1 ? `#${REDACTED}` : hash}`;
}

/**
 * The index in `rest` of the `@` that ends the user information; -1 if there is none, the length of `rest` if that is
 * not clear.
 */
function endOfUser(url: string, start: number, rest: string): number {
  const slash = rest.search(/[\\/]/);
  const inAuthority = (slash < 0 ? rest : rest.slice(0, slash)).lastIndexOf("@");
  if (inAuthority >= 0 || URL.canParse(url)) return inAuthority;
  // not a valid URL: its password may not be percent-encoded
  const last = url.lastIndexOf("@") - start;
  return Math.min(last, rest.length);
}

/** The parts of a URL that {@link readableUrl} redacts, each as written and decoded. */
export function secretsOfUrl(url: string): string[] {
  const [, base = "", query = "", hash = ""] = /^([^?#]*)\??([^#]*)#?(.*)$/s.exec(url) ?? [];
  const [, user = ""] = /^[^/]*\/\/([^/]*)@/.exec(base) ?? [];
  const values = query
    .split("&")
    .filter((parameter) => readableParameter(parameter) !== parameter)
    .map((parameter) => parameter.slice(parameter.indexOf("=") + 1));
  const keys = [...base.matchAll(MAY_BE_KEY)].map(([part]) => part).filter((part) => KEY_WORD.test(part));
  const written = [...values, ...keys, ...user.split(":"), hash].filter((secret) => secret !== "");
  return [...new Set([...written, ...written.map(decoded)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text; // its escapes are not valid UTF-8
  }
}

function readableParameter(parameter: string): string {
  const equals = parameter.indexOf("=");
  const name = equals < 0 ? parameter : parameter.slice(0, equals);
  const value = parameter.slice(name.length + 1);
  if (HARMLESS_PARAMETERS.has(name.toLowerCase()) && PLAIN_VALUE.test(value)) return withoutKeys(parameter);
  if (parameter === "" || (equals >= 0 && value === "" && isPlainName(name))) return parameter;
  return equals < 0 || !isPlainName(name) ? REDACTED : `${name}=${REDACTED}`;
}

function isPlainName(name: string): boolean {
  return PLAIN_NAME.test(name) && withoutKeys(name) === name;
}

/** Applies {@link readableUrl} to each URL in a text. */
export function readableText(text: string): string {
  return text.includes("://")
    ? text.replace(/\b(?!file:)[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/[^\s"'<>`\\]+/g, readableUrl)
    : text;
}

function withoutKeysInPath(hostAndPath: string): string {
  const slash = hostAndPath.search(/[\\/]/);
  return slash < 0 ? hostAndPath : hostAndPath.slice(0, slash) + withoutKeys(hostAndPath.slice(slash));
}

function withoutKeys(text: string): string {
  if (text.length < KEY_LENGTH) return text;
  return text.replace(MAY_BE_KEY, (part) => (KEY_WORD.test(part) ? REDACTED : part));
}
