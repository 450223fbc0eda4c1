/** The caller's options in the form of the API: names in snake_case, times as strings. */

/** The options by their API names; `undefined` stays, and JSON leaves it out. */
export function wireOf(input: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]: [string, unknown]) => [
      snakeCase(name),
      isGroup(value) ? wireOf(value) : value,
    ]),
  );
}

/** `?name=value…`, a name repeated for each value of a list; or "" without options. */
export function queryOf(input: object): string {
  const fields = Object.entries(wireOf(input)).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(
    fields.flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one): [string, string] => [
        name,
        one instanceof Date ? one.toISOString() : String(one),
      ]),
    ),
  );
  return fields.length === 0 ? "" : `?${query.toString()}`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isGroup(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
