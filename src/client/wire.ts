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

/** `?name=value…`, or "" without options. */
export function queryOf(input: object): string {
  const fields = Object.entries(wireOf(input)).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(
    Object.fromEntries(
      fields.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : String(value)]),
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
