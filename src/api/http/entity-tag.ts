/** Entity tags (RFC 9110, 8.8.3): whether the client's copy is current. */

/** The quoted part of a tag may contain a comma or a star. */
const TAG = /(?:W\/)?("[^"]*")/g;

/** If-None-Match compares weakly (RFC 9110, 13.1.2). */
export function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === "") return false;
  const opaque = etag.replace(/^W\//, "");
  return ifNoneMatch.trim() === "*" || [...ifNoneMatch.matchAll(TAG)].some(([, tag]) => tag === opaque);
}

/** If-Match compares strongly (RFC 9110, 13.1.1): a weak tag never matches. */
export function matchesStrongly(ifMatch: string, etag: string): boolean {
  return ifMatch.trim() === "*" || [...ifMatch.matchAll(TAG)].some(([tag]) => tag === etag);
}
