/** The Parquet types, and the conversion of a column's texts into the values that the library writes. */
import type { ParquetWriter } from "hyparquet-writer";
import { exportError } from "./error-codes.ts";
import { readListText } from "./list-text.ts";
import { epochMicros, MICROS_PER_DAY, parseDate, parseTime, parseTimestamp } from "./sql-time.ts";
import type { ColumnType, TableColumn } from "./table.ts";

export type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];
type LeafType = Omit<SchemaElement, "name" | "repetition_type">;

/** Every decimal of this many digits fits into an INT64. */
const MAX_INT64_DIGITS = 18;
const [LOWEST_INT64, HIGHEST_INT64] = [-(2n ** 63n), 2n ** 63n - 1n];
const SHOWN_CHARACTERS = 100;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The schema elements of a column; the first has its title. A list has three levels (Parquet, "Logical Types", Lists).
 */
export function schemaElements({ title, ...type }: TableColumn): SchemaElement[] {
  if (type.kind !== "list") return [{ name: title, repetition_type: "OPTIONAL", ...leafType(type) }];
  return [
    {
      name: title,
      repetition_type: "OPTIONAL",
      num_children: 1,
      converted_type: "LIST",
      logical_type: { type: "LIST" },
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", ...leafType(type.element) },
  ];
}

function leafType({ kind, precision = 0, scale = 0 }: ColumnType = { kind: "text" }): LeafType {
  switch (kind) {
    case "integer":
      return { type: "INT32" };
    case "bigint":
      return { type: "INT64" };
    case "decimal": {
      const stored =
        precision <= MAX_INT64_DIGITS
          ? ({ type: "INT64" } as const)
          : ({ type: "FIXED_LEN_BYTE_ARRAY", type_length: 16 } as const);
      return {
        ...stored,
        converted_type: "DECIMAL",
        precision,
        scale,
        logical_type: { type: "DECIMAL", precision, scale },
      };
    }
    case "real":
      return { type: "FLOAT" };
    case "float":
      return { type: "DOUBLE" };
    case "boolean":
      return { type: "BOOLEAN" };
    case "date":
      return { type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } };
    case "timestamp":
    case "timestamptz":
      return {
        type: "INT64",
        logical_type: { type: "TIMESTAMP", isAdjustedToUTC: kind === "timestamptz", unit: "MICROS" },
      };
    case "time":
      return { type: "INT64", logical_type: { type: "TIME", isAdjustedToUTC: false, unit: "MICROS" } };
    case "uuid":
      return { type: "FIXED_LEN_BYTE_ARRAY", type_length: 16, logical_type: { type: "UUID" } };
    case "json":
      return { type: "BYTE_ARRAY", logical_type: { type: "JSON" } }; // see completeJsonElements
    case "bytes":
      return { type: "BYTE_ARRAY" };
    case "list":
    case "value":
    case "text":
      return { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
  }
}

/**
 * Adds the older name of the JSON type, which several readers need, just before the footer is written. Given earlier,
 * the library would apply JSON.stringify to the values: bytes would become lists of numbers, and parsed values would
 * lose digits.
 */
export function completeJsonElements(schema: readonly SchemaElement[]): void {
  for (const element of schema) if (element.logical_type?.type === "JSON") element.converted_type = "JSON";
}

/**
 * @returns a function that converts the texts of a column into the library's values; it throws a {@link PermanentError}
 * `export_value` for a value that Parquet cannot represent
 */
export function valueReader({ title, ...type }: TableColumn): (text: string) => unknown {
  const read = reader(type);
  return (text) => {
    const value = read(text);
    if (value !== undefined) return value;
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
    throw exportError.permanent(
      "export_value",
      `Parquet cannot represent this value of column ${title}: ${shown}. ${adviceOf(type)}`,
    );
  };
}

function adviceOf({ kind }: ColumnType): string {
  return kind === "list"
    ? "A list has one dimension, which begins at 1. Cast it in the query, for example with to_json."
    : "Cast it in the query, for example to text.";
}

/** @returns a function that converts a text; it returns undefined for a value that the Parquet type cannot represent */
function reader(type: ColumnType): (text: string) => unknown {
  switch (type.kind) {
    case "integer":
    case "real":
    case "float":
      return Number; // reads NaN, Infinity and -Infinity as Postgres prints them
    case "bigint":
      return (text) => int64(BigInt(text));
    case "decimal":
      return decimalReader(type);
    case "boolean":
      return (text) => text.startsWith("t");
    case "date":
      return parseDate;
    case "timestamp":
    case "timestamptz":
      return readTimestamp;
    case "time":
      return readTime;
    case "json":
      return (text) => Buffer.from(text);
    case "bytes":
      return (text) => Buffer.from(text.slice(2), "hex"); // after \x
    case "list":
      return listReader(type.element);
    case "uuid":
      return (text) => text;
    case "value":
    case "text":
      return (text) => (LONE_SURROGATE.test(text) ? undefined : text); // UTF-8 cannot encode it
  }
}

function int64(value: bigint): bigint | undefined {
  return value >= LOWEST_INT64 && value <= HIGHEST_INT64 ? value : undefined;
}

function decimalReader({ precision = 0 }: ColumnType): (text: string) => bigint | undefined {
  const limit = 10n ** BigInt(precision);
  return (text) => {
    if (!/^-?\d+(\.\d+)?$/.test(text)) return undefined; // NaN and the infinities
    const unscaled = BigInt(text.replace(".", ""));
    return unscaled < limit && unscaled > -limit ? unscaled : undefined;
  };
}

/**
 * Postgres prints a time with the zone's offset at that instant, so an hour that occurs twice when the clocks change is
 * unambiguous.
 */
function readTimestamp(text: string): bigint | undefined {
  const timestamp = parseTimestamp(text);
  return timestamp && int64(epochMicros(timestamp));
}

/** Only Postgres has the time `24:00:00`. */
function readTime(text: string): bigint | undefined {
  const micros = parseTime(text);
  return micros === undefined || micros === MICROS_PER_DAY ? undefined : BigInt(micros);
}

function listReader(element: ColumnType = { kind: "text" }): (text: string) => unknown[] | undefined {
  const read = reader(element);
  return (text) => {
    const values = readListText(text)?.map((item) => (item === null ? null : read(item)));
    return values?.includes(undefined) ? undefined : values;
  };
}
