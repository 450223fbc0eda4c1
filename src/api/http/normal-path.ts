/**
 * Paths that differ in their spelling alone are one path (RFC 3986, 6.2.2): the case of percent encodings, encodings of characters
 * that need none, dot segments.
 */

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** Whether a path, or one segment of it, may be spelled in another way than {@link normalPath} spells it. */
export function mayNeedNormalizing(text: string): boolean {
  return text.includes("%") || text.startsWith(".") || text.includes("/.");
}

/** @param path begins with a slash. Other characters, an encoded slash among them, stay encoded, and so does a `%` that encodes nothing */
export function normalPath(path: string): string {
  if (!mayNeedNormalizing(path)) return path;
  return withoutDots(
    path.replace(/%[\da-f]{2}/gi, (encoded) => {
      const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
      return UNRESERVED.test(character) ? character : encoded.toUpperCase();
    }),
  );
}

/** As RFC 3986, 5.2.4: `.` names the folder itself, `..` the one above; above the root there is the root. */
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
