/** Entity tags (RFC 9110, 8.8.3): whether a client has what it asks for already. */

/** What stands between the quotes of a tag may be a comma or a star. */
const TAG = /(?:W\/)?("[^"]*")/g;

/** If-None-Match compares weakly (RFC 9110, 13.1.2). */
export function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === "") return false;
  const opaque = etag.replace(/^W\//, "");
  return ifNoneMatch.trim() === "*" || [...ifNoneMatch.matchAll(TAG)].some(([, tag]) => tag === opaque);
}
