/** Reads Parquet files with DuckDB, which shares no code with the implementation that writes them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { tempDir } from "./services.ts";

export interface ParquetContent {
  /** By name of column, as DuckDB names it: `DECIMAL(10,2)`, `VARCHAR[]`. */
  readonly types: Readonly<Record<string, string>>;
  /**
   * Each value as the text that DuckDB casts it to, times with a zone in UTC; BLOB in hexadecimal digits, lists of
   * texts as JSON.
   */
  readonly rows: readonly Readonly<Record<string, string | null>>[];
}

export async function readWithDuckDb(file: Buffer): Promise<ParquetContent> {
  const path = join(tempDir(), "file.parquet");
  await writeFile(path, file);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const ask = async (sql: string): Promise<Record<string, string | null>[]> =>
      (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, string | null>[];
    await ask("set TimeZone = 'UTC'");
    const columns = await ask(`describe select * from '${path}'`);
    const types = Object.fromEntries(
      columns.map(({ column_name, column_type }) => [column_name ?? "", column_type ?? ""]),
    );
    const list = Object.entries(types).map(([name, type]) => {
      const column = `"${name.replaceAll('"', '""')}"`;
      const text =
        type === "BLOB"
          ? `lower(hex(${column}))`
          : type === "VARCHAR[]"
            ? `to_json(${column})::varchar`
            : `${column}::varchar`;
      return `${text} as ${column}`;
    });
    return { types, rows: await ask(`select ${list.join(", ")} from '${path}'`) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
