/** The formats of an export. Those of lines Postgres writes nearly by itself; the others are made of typed columns. */
export const EXPORT_FORMATS = ["csv", "json", "ndjson", "xlsx", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type LineFormat = "csv" | "json" | "ndjson";
export type TableFormat = Exclude<ExportFormat, LineFormat>;

export function isLineFormat(format: ExportFormat): format is LineFormat {
  return format !== "xlsx" && format !== "parquet";
}
