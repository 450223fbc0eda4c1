import { isSecretOrKeyName } from "./secret-name.ts";

const PARAMETER = /([?&])([^=&#]*)=([^&#]*)/g;

/**
 * A URL for a log line or an error: user information loses its password, query parameters named like credentials lose
 * their value. It takes any string and never throws. It matches the string itself and does not parse the URL, because
 * a parser reads a password with an unescaped `/` or `#` as something else, and would let it through.
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

/** A text in which each URL is redacted as {@link redactUrl} does it. */
export function redactUrls(text: string): string {
  return text.includes("://") ? text.replace(/\b(?!file:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"\\<>]+/gi, redactUrl) : text;
}
