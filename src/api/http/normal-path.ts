/**
 * Normalises paths that differ only in spelling (RFC 3986, 6.2.2): the case of percent encodings, encodings of
 * characters that need none, and dot segments.
 */

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** Whether {@link normalPath} may change a path, or a segment of one. */
export function mayNeedNormalizing(text: string): boolean {
  return text.includes("%") || text.startsWith(".") || text.includes("/.");
}

/**
 * @param path begins with a slash. An encoded slash, or any other reserved character, stays encoded; an invalid `%`
 * stays as it is
 */
export function normalPath(path: string): string {
  if (!mayNeedNormalizing(path)) return path;
  return withoutDots(
    path.replace(/%[\da-f]{2}/gi, (encoded) => {
      const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
      return UNRESERVED.test(character) ? character : encoded.toUpperCase();
    }),
  );
}

/**
 * Removes dot segments (RFC 3986, 5.2.4): `.` is the folder itself, `..` its parent; the parent of the root is the
 * root.
 */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [at, segment] of segments.entries()) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (at === segments.length - 1 && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}
