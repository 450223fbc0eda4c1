/** A string without NUL and lone surrogates, which Postgres rejects. */
export function storable(text: string): string {
  return text.replace(/\0|\p{Surrogate}/gu, "\uFFFD");
}
