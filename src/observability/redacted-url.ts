import { isSecretOrKeyName } from "./secret-name.ts";

const PARAMETER = /([?&])([^=&#]*)=([^&#]*)/g;

/**
 * Redacts a URL for a log line or an error: removes the password of the user information, and the values of query
 * parameters named like credentials. It accepts any string and never throws. It matches the string and does not parse
 * the URL, because a parser misreads a password with an unescaped `/` or `#`, and the password would stay.
 */
export function redactUrl(url: string): string {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url) ?? [];
  const end = rest.lastIndexOf("@");
  if (end < 0) return redactParameters(url);
  const colon = rest.indexOf(":");
  // without a password, the user part may itself be a token: redact it too
  const user = colon >= 0 && colon < end ? rest.slice(0, colon + 1) : "";
  return redactParameters(`${scheme}${user}***${rest.slice(end)}`);
}

function redactParameters(url: string): string {
  return url.replace(PARAMETER, (whole, separator: string, name: string) =>
    isSecretOrKeyName(name) ? `${separator}${name}=***` : whole,
  );
}

/** Redacts each URL in a text with {@link redactUrl}. */
export function redactUrls(text: string): string {
  return text.includes("://") ? text.replace(/\b(?!file:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"\\<>]+/gi, redactUrl) : text;
}
