/** Encodes a table as a Parquet file, Snappy-compressed, one row group at a time. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { completeJsonElements, type SchemaElement, schemaElements, valueReader } from "./parquet-type.ts";
import type { Cell, Table, TableColumn } from "./table.ts";

/** A row group stays in memory until it is complete, so it is limited to this many rows or characters. */
const GROUP_ROWS = 32_768;
const GROUP_CHARACTERS = 2 ** 24;

/**
 * Yields the bytes of the file in pieces, as the consumer asks for them.
 * @param onRows called with the number of rows written so far
 * @throws {PermanentError} `export_value`: Parquet cannot represent a value, such as NaN in a column of decimals
 */
export async function* encodeParquet(
  { columns, batches }: Table,
  onRows: (rows: number) => void,
): AsyncGenerator<Buffer> {
  const bytes = new ByteWriter();
  const schema: SchemaElement[] = [{ name: "root", num_children: columns.length }, ...columns.flatMap(schemaElements)];
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
  completeJsonElements(schema);
  await parquet.finish();
  yield taken(bytes);
}

/** The bytes written since the last call. */
function taken(bytes: ByteWriter): Buffer {
  const piece = Buffer.from(bytes.getBytes()); // a copy, because the writer reuses its buffer
  bytes.index = 0;
  return piece;
}

interface ColumnData {
  readonly name: string;
  readonly data: unknown[];
  readonly offsetIndex: false;
  readonly encoding?: "PLAIN";
}

class RowGroup {
  readonly #columns: readonly { readonly type: TableColumn; readonly valueOf: (text: string) => unknown }[];
  #data: unknown[][];
  #characters = 0;

  constructor(columns: readonly TableColumn[]) {
    this.#columns = columns.map((type) => ({ type, valueOf: valueReader(type) }));
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
    return this.#columns.map(({ type }, at) => columnData(type, data[at] ?? []));
  }
}

/** The library's dictionary treats -0 as 0, so a column with a -0 is written without a dictionary. */
function columnData({ title, kind, element }: TableColumn, data: unknown[]): ColumnData {
  const isFloat = [kind, element?.kind].some((each) => each === "real" || each === "float");
  const hasMinusZero = isFloat && data.flat().some((value) => Object.is(value, -0));
  return { name: title, data, offsetIndex: false, ...(hasMinusZero && { encoding: "PLAIN" }) };
}
