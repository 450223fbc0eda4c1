/** The payload of an export: its schema, and the checks that a schema cannot express. */
import { type Static, Type } from "typebox";
import type { PayloadIssue } from "../../core/job-type.ts";
import { COMPRESSIONS, type Compression, isCompressionHere } from "./compression.ts";
import { DATE_PATTERN, issueInSpreadsheet } from "./date-pattern.ts";
import type { QuerySettings } from "./export-settings.ts";
import { EXPORT_FORMATS, isLineFormat } from "./format.ts";
import { issuesOfHistory, jobFilters } from "./job-history.ts";
import { type ColumnChoice, type Layout, PLAIN_CSV, titleOf } from "./layout.ts";
import { issuesOfNamedQuery } from "./named-query.ts";
import { exactParams } from "./payload-text.ts";
import type { RowKeys } from "./row-source.ts";
import { issueOfSheetName, SHEET_NAME } from "./sheet-name.ts";

const columnName = Type.String({ minLength: 1, maxLength: 255 });
const scalar = Type.Union([Type.String({ maxLength: 65_536 }), Type.Number(), Type.Boolean(), Type.Null()]);
const parameter = Type.Union([scalar, Type.Array(scalar, { maxItems: 10_000 })]);

const source = Type.Union([
  Type.Object(
    {
      rows: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
        delivered: true,
        maxItems: 100_000,
        description: "Objects; nested values become JSON in a cell.",
      }),
      keys: Type.Optional(
        Type.Enum(["first", "all"], {
          description: "Without `columns`: the columns are the keys of the first row, or of all rows. Default `first`.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      query: Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        expected: "the name of a query: up to 64 letters, digits, _ and -",
        description: "The name of a query in the operator's folder.",
      }),
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
    decimals: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 15,
        description: "Digits after the decimal point: numbers are rounded, or in xlsx shown rounded.",
      }),
    ),
    date: Type.Optional(
      Type.String({
        pattern: DATE_PATTERN,
        expected: "a date pattern such as DD.MM.YYYY HH:mm",
        maxLength: 32,
        description: "The format of a date or time, made of YYYY MM DD HH mm ss SSS.",
      }),
    ),
  },
  { additionalProperties: false },
);

/** Excludes quotes, line breaks, and texts that a spreadsheet would run. */
const NULL_TEXT = '^([^"=+@\\t\\r\\n\uFF0B\uFF0D\uFF1D\uFF20-][^"\\r\\n]*)?$';

const csv = Type.Object(
  {
    delimiter: Type.Optional(Type.Enum([",", ";", "\t", "|"], { description: "Default `,`." })),
    bom: Type.Optional(
      Type.Boolean({ description: "A byte order mark, by which spreadsheets recognise UTF-8. Default false." }),
    ),
    header: Type.Optional(Type.Boolean({ description: "Default true." })),
    decimal: Type.Optional(Type.Enum([".", ","], { description: "The decimal point. Default `.`." })),
    null: Type.Optional(
      Type.String({
        maxLength: 32,
        pattern: NULL_TEXT,
        expected: "text without quotes and line breaks that no spreadsheet would run as a formula",
        description: "The text for NULL, without quotes. An equal text in a cell is quoted. Default: empty.",
      }),
    ),
    formula_guard: Type.Optional(
      Type.Boolean({
        description:
          "Prefixes texts that a spreadsheet would run as formulas with an apostrophe. Set false for programs. Default true.",
      }),
    ),
  },
  { additionalProperties: false, description: "Only for format csv." },
);

export const exportPayload = Type.Object(
  {
    format: Type.Enum([...EXPORT_FORMATS]),
    source,
    columns: Type.Optional(
      Type.Array(Type.Union([columnName, column]), {
        minItems: 1,
        maxItems: 1_600, // the limit of Postgres
        description:
          "The columns and their order. Default: the columns of the query; for rows, the keys of the first row, or (json, ndjson) each row unchanged.",
      }),
    ),
    csv: Type.Optional(csv),
    sheet: Type.Optional(
      Type.String({
        pattern: SHEET_NAME,
        expected: "a sheet name without : \\ / ? * [ ] and without an apostrophe at its ends",
        maxLength: 31,
        description: "Only for format xlsx: the name of the sheet. Default Sheet1.",
      }),
    ),
    time_zone: Type.Optional(
      Type.String({ maxLength: 64, description: "The IANA time zone of the written times. Default UTC." }),
    ),
    gzip: Type.Optional(Type.Boolean({ description: "The same as `compression: gzip`. Default false." })),
    compression: Type.Optional(
      Type.Enum([...COMPRESSIONS], { description: "For csv, json and ndjson. zstd needs Node 22.15 or later." }),
    ),
    filename: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,111}$",
        expected: "a file name: up to 112 letters, digits, . _ and -, not beginning with a dot",
        description:
          "The name of the artifact (default `export`); missing extensions of the format and the compression are added.",
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [
      {
        format: "csv",
        source: {
          rows: [
            { id: 1, name: "Ada", balance: -2 },
            { id: 2, name: "Grace", balance: 40.5 },
          ],
        },
        filename: "customers.csv",
      },
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

/** @returns the issues of a payload that is valid by the schema */
export function issuesOfExport(payload: ExportPayload): PayloadIssue[] {
  const { format, source: from, columns, csv: dialect, time_zone, gzip } = payload;
  const issues: PayloadIssue[] = [];
  const issue = (path: string, message: string): void => void issues.push({ path, message });
  const compression = compressionOf(payload);
  if (gzip === true && payload.compression !== undefined) issue("/gzip", "must not be given together with compression");
  const compressionPath = payload.compression === undefined ? "/gzip" : "/compression";
  if (compression !== undefined && !isLineFormat(format))
    issue(compressionPath, `must not be given with ${format}, which is always compressed`);
  if (compression !== undefined && !isCompressionHere(compression))
    issue(compressionPath, "zstd needs Node 22.15 or later, which this server does not run on");
  if (dialect !== undefined && format !== "csv") issue("/csv", "must not be given with a format other than csv");
  if (payload.sheet !== undefined) {
    const message =
      format === "xlsx" ? issueOfSheetName(payload.sheet) : "must not be given with a format other than xlsx";
    if (message !== undefined) issue("/sheet", message);
  }
  if (dialect?.decimal === "," && (dialect.delimiter ?? ",") === ",")
    issue("/csv/decimal", "is the delimiter: choose another one");
  if (dialect?.null?.includes(dialect.delimiter ?? ",") === true)
    issue("/csv/null", "contains the delimiter: choose another one");
  if (time_zone !== undefined && !isTimeZone(time_zone))
    issue("/time_zone", "expected an IANA time zone such as Europe/Berlin");
  issues.push(...below("/columns", issuesOfColumns(columns?.map(choiceOf) ?? [], format)));
  if ("rows" in from) issues.push(...issuesOfRows(from, payload));
  if ("jobs" in from) issues.push(...below("/source/jobs", issuesOfHistory(from.jobs)));
  return issues;
}

function issuesOfColumns(columns: readonly ColumnChoice[], format: ExportPayload["format"]): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  const titles = new Set<string>();
  columns.forEach((column, at) => {
    const title = titleOf(column);
    if (titles.has(title)) issues.push({ path: `/${at}`, message: "another column has the same name in the file" });
    titles.add(title);
    const issue = issueOfName(column.name) ?? issueOfName(title);
    if (issue !== undefined) issues.push({ path: `/${at}`, message: issue });
    if (column.date !== undefined && format === "parquet")
      issues.push({
        path: `/${at}/date`,
        message: "must not be given with parquet, which has its own date and time types",
      });
    const dateIssue = column.date === undefined || format !== "xlsx" ? undefined : issueInSpreadsheet(column.date);
    if (dateIssue !== undefined) issues.push({ path: `/${at}/date`, message: dateIssue });
  });
  return issues;
}

/**
 * What is wrong with a column's name: Postgres does not accept NUL, and each control character or half of a surrogate
 * pair is invalid in some format.
 */
function issueOfName(name: string): string | undefined {
  if (name.includes("\0")) return "has a NUL character";
  if (/\p{Cc}/u.test(name)) return "has a control character";
  return /\p{Surrogate}/u.test(name) ? "has half of a surrogate pair" : undefined;
}

/** The issues of a named query or its parameters, checked against this deployment's folder of queries. */
export function issuesOfQuery(
  { source: from }: ExportPayload,
  { EXPORT_QUERIES_DIR }: Pick<QuerySettings, "EXPORT_QUERIES_DIR">,
  payloadJson: () => string,
): PayloadIssue[] {
  if (!("query" in from)) return [];
  return below(
    "/source",
    issuesOfNamedQuery(EXPORT_QUERIES_DIR, { ...from, params: exactParams(from.params ?? {}, payloadJson) }),
  );
}

function below(path: string, issues: readonly PayloadIssue[]): PayloadIssue[] {
  return issues.map((each) => ({ path: path + each.path, message: each.message }));
}

function issuesOfRows(
  { rows, keys }: { readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly keys?: RowKeys },
  { format, columns }: ExportPayload,
): PayloadIssue[] {
  if (keys !== undefined && columns !== undefined)
    return [{ path: "/source/keys", message: "must not be given together with columns" }];
  if (columns !== undefined) return [];
  const names = (keys === "all" ? rows : rows.slice(0, 1)).flatMap((row) => Object.keys(row));
  if (format === "parquet" && names.length === 0)
    return [{ path: "/columns", message: "is required, because there is no first row to take the columns from" }];
  const titles = format === "json" || format === "ndjson" ? [] : names;
  const issue = titles.map(issueOfName).find((each) => each !== undefined);
  return issue === undefined ? [] : [{ path: "/source/rows/0", message: `the name of a column ${issue}` }];
}

/**
 * Caches the names of existing time zones in lower case, which limits its size to the number of zones: a check takes
 * 0.1 ms, and a batch may name thousands.
 */
const knownZones = new Set<string>();

function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false; // an offset is not accepted: Postgres reads its sign the other way round
  const zone = name.toLowerCase();
  if (knownZones.has(zone)) return true;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    knownZones.add(zone);
    return true;
  } catch {
    return false; // it throws for an unknown zone
  }
}

function choiceOf(choice: string | ColumnChoice): ColumnChoice {
  return typeof choice === "string" ? { name: choice } : choice;
}

export function compressionOf({ gzip, compression }: ExportPayload): Compression | undefined {
  return compression ?? (gzip === true ? "gzip" : undefined);
}

export function layoutOf({ format, columns, csv: dialect, sheet, time_zone = "UTC" }: ExportPayload): Layout {
  return { format, columns: columns?.map(choiceOf), csv: { ...PLAIN_CSV, ...dialect }, sheet, timeZone: time_zone };
}
