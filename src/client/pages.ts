/** Reads lists page by page. */
import type { Transport } from "./transport.ts";
import { queryOf } from "./wire.ts";

/** @param query by the API's names; `cursor`: the list continues after it */
export async function* pagesAt<Page extends { next_cursor: string | null }>(
  transport: Transport,
  path: string,
  { cursor: first, ...query }: Readonly<Record<string, unknown>> & { readonly cursor: string | undefined },
  signal: AbortSignal | undefined,
): AsyncGenerator<Page, void> {
  for (let cursor: string | null | undefined = first; cursor !== null; ) {
    const page: Page = await transport.json<Page>({
      method: "GET",
      path: `${path}${queryOf({ ...query, cursor })}`,
      signal,
      isRepeatable: true,
    });
    yield page;
    cursor = page.next_cursor;
  }
}
