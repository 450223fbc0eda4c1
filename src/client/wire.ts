/** The caller's options in the form of the API: names in snake_case, times as strings. */
import type { ListFilters } from "./contract.ts";

/** Their values may contain commas, so a query repeats the parameter instead. */
const REPEATED = ["tag", "group_key"];

/** The options by their API names; `undefined` stays, and JSON leaves it out. */
export function wireOf(input: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]: [string, unknown]) => [
      snakeCase(name),
      isGroup(value) ? wireOf(value) : value,
    ]),
  );
}

/** Filters by their API names. The paths of `payload` become names such as `payload.order.id`, unchanged otherwise. */
export function filtersWireOf({ payload = {}, ...filters }: ListFilters): Record<string, unknown> {
  const ofPayload = Object.entries(payload).map(([path, value]) => [`payload.${path}`, value] as const);
  return { ...wireOf(filters), ...Object.fromEntries(ofPayload) };
}

/** `?name=value…` of options by their API names, or "" without options. */
export function queryOf(fields: Readonly<Record<string, unknown>>): string {
  const params = Object.entries(fields).flatMap(([name, value]): [string, string][] => {
    if (value === undefined) return [];
    if (!Array.isArray(value)) return [[name, textOf(value)]];
    // the server rejects an empty value; without it, an empty list would pass all jobs
    if (!REPEATED.includes(name) || value.length === 0) return [[name, value.map(textOf).join(",")]];
    return value.map((one) => [name, textOf(one)]);
  });
  return params.length === 0 ? "" : `?${new URLSearchParams(params).toString()}`;
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
