/**
 * The path prefix under which a proxy serves this server: `/taskflow` for the PUBLIC_URL
 * `https://example.com/taskflow/`, else "".
 */
export function basePathOf(publicUrl: string): string {
  return publicUrl === "" ? "" : new URL(publicUrl).pathname.replace(/\/+$/, "");
}
