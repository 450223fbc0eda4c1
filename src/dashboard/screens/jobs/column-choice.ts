/** Which columns the table of jobs shows: those of the URL, or those that the user chose last for the type. */
import { readSetting, writeSetting } from "../../data/browser-settings.ts";

/** In the order of the table. Columns of payload fields follow them. */
export const COLUMN_NAMES = {
  id: "Id",
  type: "Type",
  status: "Status",
  group: "Group",
  tags: "Tags",
  attempt: "Attempt",
  age: "Age",
  wait: "Wait",
  run: "Run",
  replica: "Replica",
  error: "Error",
} as const;
export type ColumnName = keyof typeof COLUMN_NAMES;

export const PAYLOAD = "payload.";
const ALL = Object.keys(COLUMN_NAMES) as ColumnName[];
const MOST_PAYLOAD_COLUMNS = 8;

export interface ColumnChoice {
  readonly names: readonly ColumnName[];
  /** Dotted paths into the payload. */
  readonly paths: readonly string[];
}

export const DEFAULT_CHOICE: ColumnChoice = { names: ALL, paths: [] };

/** The columns of a text of {@link columnsText}. Names that do not exist are ignored; the id is always shown. */
export function readColumns(text: string | null): ColumnChoice | undefined {
  if (text === null || text === "") return undefined;
  const items = text.split(",").map(decoded);
  const paths = items.filter((item) => item.startsWith(PAYLOAD)).map((item) => item.slice(PAYLOAD.length));
  return {
    names: ALL.filter((name) => name === "id" || items.includes(name)),
    paths: [...new Set(paths)].filter(isPath).slice(0, MOST_PAYLOAD_COLUMNS),
  };
}

/** `id,type,payload.order.id`; null for the columns that are shown without a choice. */
export function columnsText({ names, paths }: ColumnChoice): string | null {
  if (names.length === ALL.length && paths.length === 0) return null;
  return [...names, ...paths.map((path) => PAYLOAD + path)].map(encoded).join(",");
}

/** Whether this can be the path of a payload column. */
export function isPath(path: string): boolean {
  return path.split(".").every((name) => name !== "");
}

export function canAddPath({ paths }: ColumnChoice): boolean {
  return paths.length < MOST_PAYLOAD_COLUMNS;
}

const settingOf = (type: string | undefined): string => `columns.${type ?? ""}`;

/** @param type the one type that the filter names; undefined for others */
export function rememberedColumns(type: string | undefined): ColumnChoice | undefined {
  return readColumns(readSetting(settingOf(type)));
}

export function rememberColumns(type: string | undefined, choice: ColumnChoice): void {
  writeSetting(settingOf(type), columnsText(choice));
}

/** The value at a dotted path of a payload, as the table shows it; undefined if there is none. */
export function payloadText(payload: unknown, path: string): string | undefined {
  let value = payload;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

function encoded(item: string): string {
  return item.replaceAll("%", "%25").replaceAll(",", "%2C");
}

function decoded(item: string): string {
  return item.replaceAll("%2C", ",").replaceAll("%25", "%");
}
