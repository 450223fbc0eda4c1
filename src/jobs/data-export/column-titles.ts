/** Names of columns in formats in which a name can occur once only (json, ndjson, parquet). */

/**
 * Numbers the repeated titles: `a`, `a`, `b` become `a`, `a_2`, `b`. A number that another column's title has is
 * skipped.
 */
export function uniqueTitles<Column extends { readonly title: string }>(columns: readonly Column[]): Column[] {
  const given = new Set(columns.map(({ title }) => title));
  const used = new Set<string>();
  const last = new Map<string, number>();
  return columns.map((column) => {
    let { title } = column;
    let number = last.get(title) ?? 1;
    while (used.has(title) || (title !== column.title && given.has(title))) title = `${column.title}_${(number += 1)}`;
    last.set(column.title, number);
    used.add(title);
    return title === column.title ? column : { ...column, title };
  });
}
