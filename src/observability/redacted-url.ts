/** Query parameters whose value is a secret, by their name: `?password=…`. */
const SECRET_PARAMETER = /([?&][^=&]*(?:pass|pwd|secret|token|key|credential)[^=&]*=)[^&#]*/gi;

/**
 * A URL fit for a log line or an error: user information loses its password, query parameters named like credentials lose
 * their value. It takes any text and never throws. It goes by the text, not by a parsed URL, because a password with an
 * unescaped `/` or `#` is parsed as something else, and would show.
 */
export function redactUrl(url: string): string {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(url) ?? [];
  const at = rest.lastIndexOf("@");
  if (at < 0) return url.replace(SECRET_PARAMETER, "$1***");
  const colon = rest.indexOf(":");
  // without a password the user part may itself be a token, so it goes too
  const user = colon >= 0 && colon < at ? rest.slice(0, colon + 1) : "";
  return `${scheme}${user}***${rest.slice(at)}`.replace(SECRET_PARAMETER, "$1***");
}

/** A text in which every URL has lost its password and its secret parameters, as {@link redactUrl} does it. */
export function redactUrls(text: string): string {
  return text.includes("://") ? text.replace(/\b(?!file:)[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"\\<>]+/gi, redactUrl) : text;
}
