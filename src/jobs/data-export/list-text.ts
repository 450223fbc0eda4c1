/** Arrays as Postgres prints them: `{1,NULL,"a, \"b\""}`. */

const ITEMS = /"((?:[^"\\]|\\[^])*)"|[^,]+/g;

/** The items of a one-dimensional array that begins at index 1; undefined for any other array. */
export function readListText(text: string): (string | null)[] | undefined {
  if (text.startsWith("[") || text.startsWith("{{")) return undefined; // `[0:1]={a,b}` and `{{a,b},{c,d}}`
  return Array.from(text.slice(1, -1).matchAll(ITEMS), ([item, quoted]) => {
    if (quoted !== undefined) return quoted.replace(/\\([^])/g, "$1");
    return item === "NULL" ? null : item;
  });
}
