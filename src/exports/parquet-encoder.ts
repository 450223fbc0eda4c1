/** A table → a Parquet file, Snappy-compressed, one row group after the other. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { PermanentError } from "../core/job-type.ts";
import type { Cell, Table, TableColumn } from "./table.ts";

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

/** A row group is held in memory until it is whole: it ends at so many rows, or at so many characters. */
const GROUP_ROWS = 32_768;
const GROUP_CHARACTERS = 2 ** 24;
/** Digits that an INT64 always holds. */
const MAX_INT64_DIGITS = 18;

/**
 * The bytes of the file, piece by piece as they are asked for.
 * @param onRows told how many rows they hold so far
 * @throws {PermanentError} `export_value`: NaN or an infinity in a column of decimals, which has none in Parquet
 */
export async function* encodeParquet({ columns, batches }: Table, onRows: (rows: number) => void): AsyncGenerator<Buffer> {
  const bytes = new ByteWriter();
  const schema: SchemaElement[] = [{ name: "root", num_children: columns.length }, ...columns.map(schemaElement)];
  const parquet = new ParquetWriter({ writer: bytes, schema, createdBy: "TaskFlow" });
  const group = new RowGroup(columns);
  let rows = 0;
  for await (const batch of batches) {
    for (const row of batch) group.add(row);
    rows += batch.length;
    onRows(rows);
    if (!group.isWhole) continue;
    await parquet.write({ columnData: group.take(), rowGroupSize: Number.MAX_SAFE_INTEGER });
    yield taken(bytes);
  }
  if (!group.isEmpty) await parquet.write({ columnData: group.take(), rowGroupSize: Number.MAX_SAFE_INTEGER });
  await parquet.finish();
  yield taken(bytes);
}

/** What has been written since the last time. */
function taken(bytes: ByteWriter): Buffer {
  const piece = Buffer.from(bytes.getBytes()); // a copy: the writer uses its memory again
  bytes.index = 0;
  return piece;
}

interface ColumnData {
  readonly name: string;
  readonly data: unknown[];
  readonly offsetIndex: false;
}

class RowGroup {
  readonly #columns: readonly { readonly title: string; readonly valueOf: (text: string) => unknown }[];
  #data: unknown[][];
  #characters = 0;

  constructor(columns: readonly TableColumn[]) {
    this.#columns = columns.map((column) => ({ title: column.title, valueOf: converter(column) }));
    this.#data = columns.map(() => []);
  }

  get isEmpty(): boolean {
    return (this.#data[0]?.length ?? 0) === 0;
  }

  get isWhole(): boolean {
    return (this.#data[0]?.length ?? 0) >= GROUP_ROWS || this.#characters >= GROUP_CHARACTERS;
  }

  add(row: readonly Cell[]): void {
    for (let at = 0; at < this.#columns.length; at += 1) {
      const text = row[at] ?? null;
      this.#characters += text?.length ?? 0;
      this.#data[at]?.push(text === null ? null : this.#columns[at]?.valueOf(text));
    }
  }

  take(): ColumnData[] {
    const data = this.#data;
    this.#data = data.map(() => []);
    this.#characters = 0;
    return this.#columns.map(({ title }, at) => ({ name: title, data: data[at] ?? [], offsetIndex: false }));
  }
}

function schemaElement({ title, kind, precision = 0, scale = 0 }: TableColumn): SchemaElement {
  const column = { name: title, repetition_type: "OPTIONAL" } as const;
  switch (kind) {
    case "integer":
      return { ...column, type: "INT32" };
    case "bigint":
      return { ...column, type: "INT64" };
    case "decimal": {
      const stored = precision <= MAX_INT64_DIGITS ? ({ type: "INT64" } as const) : ({ type: "FIXED_LEN_BYTE_ARRAY", type_length: 16 } as const);
      return { ...column, ...stored, converted_type: "DECIMAL", precision, scale, logical_type: { type: "DECIMAL", precision, scale } };
    }
    case "float":
      return { ...column, type: "DOUBLE" };
    case "boolean":
      return { ...column, type: "BOOLEAN" };
    case "days":
      return { ...column, type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } };
    case "micros":
    case "instant":
      return { ...column, type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: kind === "instant", unit: "MICROS" } };
    case "json":
      return { ...column, type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } };
    case "bytes":
      return { ...column, type: "BYTE_ARRAY" };
    case "serial":
    case "text":
      return { ...column, type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
  }
}

/** Makes of a column's texts what the library takes for its type. */
function converter({ title, kind }: TableColumn): (text: string) => unknown {
  switch (kind) {
    case "integer":
    case "days":
    case "float":
      return Number; // reads NaN, Infinity and -Infinity as Postgres writes them
    case "bigint":
    case "micros":
    case "instant":
      return BigInt;
    case "decimal":
      return (text) => unscaled(text, title);
    case "boolean":
      return (text) => text.startsWith("t");
    case "json":
      return (text) => Buffer.from(text);
    case "bytes":
      return (text) => Buffer.from(text.slice(2), "hex"); // after \x
    case "serial":
    case "text":
      return (text) => text;
  }
}

function unscaled(text: string, title: string): bigint {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new PermanentError(`column ${title}: Parquet has no decimal ${text}`, { code: "export_value" });
  return BigInt(text.replace(".", ""));
}
