/** A cell as Postgres writes it (COPY, format csv): null is empty, an empty text is `""`. */
export function csvCell(text: string | null, delimiter: string): string {
  if (text === null) return "";
  return text === "" || text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
