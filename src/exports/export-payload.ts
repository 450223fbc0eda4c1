/** What a caller may ask of an export: the schema of its payload, and what a schema cannot say. */
import { Type, type Static } from "typebox";
import { faultsOfFilters } from "../core/job-filters.ts";
import type { PayloadFault } from "../core/job-type.ts";
import { COMPRESSIONS, isCompressionHere, type Compression } from "./compression.ts";
import { DATE_PATTERN } from "./date-pattern.ts";
import type { QuerySettings } from "./export-settings.ts";
import { EXPORT_FORMATS, isLineFormat } from "./format.ts";
import { jobFilters } from "./job-history.ts";
import { PLAIN_CSV, titleOf, type ColumnChoice, type Layout } from "./layout.ts";
import { faultsOfNamedQuery } from "./named-query.ts";

const columnName = Type.String({ minLength: 1, maxLength: 255 });
const scalar = Type.Union([Type.String({ maxLength: 65_536 }), Type.Number(), Type.Boolean(), Type.Null()]);
const parameter = Type.Union([scalar, Type.Array(scalar, { maxItems: 10_000 })]);

const source = Type.Union([
  Type.Object(
    { rows: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 100_000, description: "Objects; what is nested becomes JSON in a cell." }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      query: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", expected: "the name of a query: up to 64 letters, digits, _ and -", description: "The name of a query that the operator placed." }),
      params: Type.Optional(Type.Record(Type.String({ maxLength: 63 }), parameter, { maxProperties: 100 })),
    },
    { additionalProperties: false },
  ),
  Type.Object({ jobs: jobFilters }, { additionalProperties: false }),
]);

const column = Type.Object(
  {
    name: columnName,
    as: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: "The column's name in the file." })),
    decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 15, description: "Digits behind the point: a number is rounded, in xlsx shown so." })),
    date: Type.Optional(Type.String({ pattern: DATE_PATTERN, expected: "a date pattern such as DD.MM.YYYY HH:mm", maxLength: 32, description: "How a date or time is written, of YYYY MM DD HH mm ss SSS." })),
  },
  { additionalProperties: false },
);

const csv = Type.Object(
  {
    delimiter: Type.Optional(Type.Enum([",", ";", "\t", "|"], { description: "Default `,`." })),
    bom: Type.Optional(Type.Boolean({ description: "A byte order mark, by which spreadsheets know UTF-8. Default false." })),
    header: Type.Optional(Type.Boolean({ description: "Default true." })),
    decimal: Type.Optional(Type.Enum([".", ","], { description: "The decimal point. Default `.`." })),
  },
  { additionalProperties: false, description: "Of format csv alone." },
);

export const exportPayload = Type.Object(
  {
    format: Type.Enum([...EXPORT_FORMATS]),
    source,
    columns: Type.Optional(
      Type.Array(Type.Union([columnName, column]), {
        minItems: 1,
        maxItems: 1_600, // Postgres has no more in a row
        description: "Which columns, in which order. Default: the query's; of rows the keys of the first one, or (json, ndjson) each row as it is.",
      }),
    ),
    csv: Type.Optional(csv),
    time_zone: Type.Optional(Type.String({ maxLength: 64, description: "IANA: the zone that times are written in. Default UTC." })),
    gzip: Type.Optional(Type.Boolean({ description: "The same as `compression: gzip`. Default false." })),
    compression: Type.Optional(Type.Enum([...COMPRESSIONS], { description: "Of csv, json and ndjson. zstd needs Node 22.15 or later." })),
    filename: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,111}$",
        expected: "a file name: up to 112 letters, digits, . _ and -, not beginning with a dot",
        description: "The name of the artifact (default `export`); the extensions of the format and of its compression are added where missing.",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      { format: "csv", source: { rows: [{ id: 1, name: "Ada", balance: -2 }, { id: 2, name: "Grace", balance: 40.5 }] }, filename: "customers.csv" },
      { format: "ndjson", source: { rows: [{ id: 1, tags: ["a", "b"] }] }, columns: ["id"], gzip: true },
      {
        format: "xlsx",
        source: { rows: [{ id: 1, paid: "2026-01-31T12:00:00Z", total: 9.5 }] },
        columns: ["id", { name: "paid", as: "Paid at", date: "DD.MM.YYYY HH:mm" }, { name: "total", decimals: 2 }],
        time_zone: "Europe/Berlin",
      },
    ],
  },
);

export type ExportPayload = Static<typeof exportPayload>;

/** @returns every fault of a payload that is valid by the schema */
export function faultsOfExport(payload: ExportPayload): PayloadFault[] {
  const { format, source: from, columns, csv: dialect, time_zone, gzip } = payload;
  const faults: PayloadFault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });
  const compression = compressionOf(payload);
  if (gzip === true && payload.compression !== undefined) fault("/gzip", "is not given together with compression");
  const compressionPath = payload.compression === undefined ? "/gzip" : "/compression";
  if (compression !== undefined && !isLineFormat(format)) fault(compressionPath, `${format} is compressed by itself`);
  if (compression !== undefined && !isCompressionHere(compression)) fault(compressionPath, "zstd needs Node 22.15 or later, which this server does not run on");
  if (dialect !== undefined && format !== "csv") fault("/csv", "goes with format csv alone");
  if (dialect?.decimal === "," && (dialect.delimiter ?? ",") === ",") fault("/csv/decimal", "is the delimiter: choose another one");
  if (time_zone !== undefined && !isTimeZone(time_zone)) fault("/time_zone", "expected an IANA time zone such as Europe/Berlin");
  faults.push(...below("/columns", faultsOfColumns(columns?.map(choiceOf) ?? [], format)));
  if ("rows" in from) faults.push(...faultsOfRows(from.rows, payload));
  if ("jobs" in from) faults.push(...below("/source/jobs", faultsOfFilters(from.jobs)));
  return faults;
}

function faultsOfColumns(columns: readonly ColumnChoice[], format: ExportPayload["format"]): PayloadFault[] {
  const faults: PayloadFault[] = [];
  const titles = new Set<string>();
  columns.forEach((column, at) => {
    const title = titleOf(column);
    if (titles.has(title)) faults.push({ path: `/${at}`, message: "another column has the same name in the file" });
    titles.add(title);
    // neither a query of Postgres nor a file may have one
    if (column.name.includes("\0") || title.includes("\0")) faults.push({ path: `/${at}`, message: "has a NUL character" });
    if (column.date !== undefined && format === "parquet") faults.push({ path: `/${at}/date`, message: "parquet has dates and times of its own" });
  });
  return faults;
}

/** What is wrong with a named query or its parameters, as far as this deployment's folder of queries tells. */
export function faultsOfQuery({ source: from }: ExportPayload, { EXPORT_QUERIES_DIR }: Pick<QuerySettings, "EXPORT_QUERIES_DIR">): PayloadFault[] {
  return "query" in from ? below("/source", faultsOfNamedQuery(EXPORT_QUERIES_DIR, from)) : [];
}

function below(path: string, faults: readonly PayloadFault[]): PayloadFault[] {
  return faults.map((each) => ({ path: path + each.path, message: each.message }));
}

function faultsOfRows(rows: readonly Readonly<Record<string, unknown>>[], { format, columns }: ExportPayload): PayloadFault[] {
  if (format === "parquet" && columns === undefined && Object.keys(rows[0] ?? {}).length === 0) return [{ path: "/columns", message: "is needed where there is no first row to take them from" }];
  // JSON has read it as another number by now
  const isInexact = (value: unknown): boolean => typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21;
  const at = rows.findIndex((row) => Object.values(row).some(isInexact));
  return at < 0 ? [] : [{ path: `/source/rows/${at}`, message: "has an integer beyond 2^53, which would not be exact: write it as a text" }];
}

/** Time zones that were found to exist, in lower case, so that there are no more than IANA has: a look at one takes 0.1 ms, and a batch may name thousands. */
const knownZones = new Set<string>();

function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false; // an offset is no zone here: Postgres reads its sign the other way
  const zone = name.toLowerCase();
  if (knownZones.has(zone)) return true;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    knownZones.add(zone);
    return true;
  } catch {
    return false; // it throws for a name that is no zone
  }
}

function choiceOf(choice: string | ColumnChoice): ColumnChoice {
  return typeof choice === "string" ? { name: choice } : choice;
}

export function compressionOf({ gzip, compression }: ExportPayload): Compression | undefined {
  return compression ?? (gzip === true ? "gzip" : undefined);
}

export function layoutOf({ format, columns, csv: dialect, time_zone = "UTC" }: ExportPayload): Layout {
  return { format, columns: columns?.map(choiceOf), csv: { ...PLAIN_CSV, ...dialect }, timeZone: time_zone };
}
