/** The first page of pages. Their generator always has one. */
export async function firstOf<Page>(pages: AsyncGenerator<Page, void>): Promise<Page> {
  const { value } = await pages.next();
  if (value === undefined) throw new Error("The server has sent no page.");
  return value;
}
