/** Column titles for formats in which each title must be unique (json, ndjson, parquet). */

/**
 * Numbers the repeated titles: `a`, `a`, `b` become `a`, `a_2`, `b`. A number is skipped if another column already has
 * that title.
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
