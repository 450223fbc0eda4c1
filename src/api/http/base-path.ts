/** The path of PUBLIC_URL, below which a proxy shows this server: `/taskflow` for `https://example.com/taskflow/`. "" where it has none. */
export function basePathOf(publicUrl: string): string {
  return publicUrl === "" ? "" : new URL(publicUrl).pathname.replace(/\/+$/, "");
}
