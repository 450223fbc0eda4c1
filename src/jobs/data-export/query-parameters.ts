/**
 * The parameters that a query declares, each in one comment line anywhere in the query:
 *
 *   -- @param since date
 *   -- @param ids integer[]
 *   -- @param country text = DE
 *
 * A declared parameter has its type in the query, and its values are checked before a job is accepted. An undeclared
 * parameter has no type: the query casts it (`:since::date`).
 */
import type { ExactNumber } from "../../core/exact-number.ts";

type QueryScalar = string | number | ExactNumber | boolean | null;
/** A value for a parameter of a query. */
export type QueryParameter = QueryScalar | readonly QueryScalar[];

export interface Declaration {
  readonly type: ParameterType;
  readonly isArray: boolean;
  /** The value if a job gives none; undefined if the job must give one. */
  readonly fallback: string | undefined;
}

const INT4_MAX = 2 ** 31 - 1;
const INT8_MAX = 2n ** 63n - 1n;
/** The longest value that is matched by a pattern. Postgres accepts longer numbers, but nobody uses them. */
const MAX_PATTERN_LENGTH = 1_000;
const INTEGER = /^-?\d{1,19}$/;
/** Each character can be matched in one way only, so rejecting a text takes linear time. */
const NUMERIC = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,4})?$/i;
const TIME = /T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** For each type, a check of a value's text, and a description of valid values. */
const TYPES = {
  text: { isValid: () => true, expected: "text" },
  integer: {
    isValid: (text) => INTEGER.test(text) && Math.abs(Number(text)) <= INT4_MAX,
    expected: "an integer within 2^31",
  },
  bigint: {
    isValid: (text) => INTEGER.test(text) && BigInt(text) <= INT8_MAX && BigInt(text) >= -INT8_MAX,
    expected: "an integer within 2^63",
  },
  numeric: { isValid: (text) => NUMERIC.test(text), expected: "a number" },
  boolean: { isValid: (text) => text === "true" || text === "false", expected: "true or false" },
  date: { isValid: (text) => text.length === 10 && isDay(text), expected: "a day as in 2026-01-31" },
  timestamptz: {
    isValid: (text) => isDay(text.slice(0, 10)) && TIME.test(text),
    expected: "a time as in 2026-01-31T12:00:00Z (RFC 3339)",
  },
  uuid: { isValid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text), expected: "a UUID" },
} as const satisfies Readonly<
  Record<string, { readonly isValid: (text: string) => boolean; readonly expected: string }>
>;
type ParameterType = keyof typeof TYPES;

const DECLARATION =
  /^[ \t]*--[ \t]*@param[ \t]+(?<name>[A-Za-z_]\w*)[ \t]+(?<type>\w+)(?<array>\[\])?[ \t]*(?:=[ \t]*(?<fallback>.*?))?[ \t\r]*$/gm;

/**
 * The declarations of a query, by name. A declaration with an unknown type is ignored: its values go to the query
 * unchanged.
 */
export function readDeclarations(sql: string): Map<string, Declaration> {
  const declarations = new Map<string, Declaration>();
  for (const { groups } of sql.matchAll(DECLARATION)) {
    const { name = "", type = "", array, fallback } = groups ?? {};
    if (Object.hasOwn(TYPES, type))
      declarations.set(name, { type: type as ParameterType, isArray: array !== undefined, fallback });
  }
  return declarations;
}

/** What is wrong with a value, as a clause; null is valid for every type. */
export function issueOfParameter(value: QueryParameter, declaration: Declaration | undefined): string | undefined {
  const scalars = isList(value) ? value : [value];
  if (scalars.some((scalar) => String(scalar).includes("\0"))) return "has a NUL character";
  if (isList(value) && declaration?.isArray !== true) return "is no list in this query";
  if (declaration === undefined || value === null) return undefined;
  if (declaration.isArray && !isList(value)) return "expected a list";
  const { isValid, expected } = TYPES[declaration.type];
  const isOfType = (scalar: QueryScalar): boolean => {
    if (scalar === null) return true;
    if (declaration.type === "text") return typeof scalar === "string";
    const text = String(scalar);
    return text.length <= MAX_PATTERN_LENGTH && isValid(text);
  };
  if (scalars.every(isOfType)) return undefined;
  return declaration.isArray ? `expected a list, each ${expected}` : `expected ${expected}`;
}

/** A value as an SQL expression. @param literal quotes a text as an SQL literal */
export function parameterSql(
  value: QueryParameter,
  declaration: Declaration | undefined,
  literal: (text: string) => string,
): string {
  const text = value === null ? "null" : literal(isList(value) ? arrayText(value) : String(value));
  return declaration === undefined ? text : `${text}::${declaration.type}${declaration.isArray ? "[]" : ""}`;
}

/** Formats an array as Postgres reads it (PostgreSQL, 8.15.6). */
function arrayText(list: readonly QueryScalar[]): string {
  return `{${list.map((scalar) => (scalar === null ? "NULL" : `"${String(scalar).replace(/["\\]/g, "\\$&")}"`)).join(",")}}`;
}

function isList(value: QueryParameter): value is readonly QueryScalar[] {
  return Array.isArray(value);
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const epochMs = Date.parse(`${text}T00:00:00Z`);
  // Date.parse reads February 30 as March 2
  return !Number.isNaN(epochMs) && new Date(epochMs).toISOString().startsWith(text);
}
