/**
 * The formats of an export. Postgres writes the lines of text formats almost completely; the others are encoded from
 * typed columns.
 */
export const EXPORT_FORMATS = ["csv", "json", "ndjson", "xlsx", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type LineFormat = "csv" | "json" | "ndjson";
export type TableFormat = Exclude<ExportFormat, LineFormat>;

export function isLineFormat(format: ExportFormat): format is LineFormat {
  return format !== "xlsx" && format !== "parquet";
}
