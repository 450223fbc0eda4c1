/** The largest bodies for a schema, valid and invalid ones, of lists, strings and objects. */
import type { TObject } from "typebox";
import type { BodyKind } from "../core/body.ts";
import type { Schema } from "../core/schema-keywords.ts";

export interface MaximalBody {
  readonly name: string;
  readonly kind: BodyKind;
  /** Makes the body; most bodies are never made. */
  readonly text: () => string;
}

/** Parts of values that hardly any schema accepts. */
const FILLERS: Readonly<Record<string, readonly [open: string, unit: (n: number) => string, close: string]>> = {
  lists: ["[", () => "[],", "[]]"],
  objects: ["[", () => "{},", "{}]"],
  nulls: ["[", () => "null,", "null]"],
  duplicates: ["[", () => '"a",', '"a"]'],
  members: ["{", (n) => `"${n.toString(36)}":"",`, '"x":1}'],
  escapes: ["{", (n) => `"\\u005f${n}":[],`, '"x":1}'],
  text: ['"', () => "1", 'x"'],
  marks: ['"', () => "=", '!"'],
};

const SAMPLES = ["a", "A", "1", "#ffffff", "01a20d7d-dca8-7000-89a0-b48104605e3e/a.png", "YYYY"];

/** @param bytes the approximate size of each body */
export function* bodiesOfType(type: string, payload: TObject, bytes: number): Generator<MaximalBody> {
  const example = (payload as { readonly examples?: readonly object[] }).examples?.[0] ?? {};
  const around = (value: string, field?: string): string => {
    const fields =
      field === undefined
        ? value
        : `${JSON.stringify({ ...example, [field]: undefined })
            .slice(0, -1)
            .replace(/\{$/, '{"x":1')},${JSON.stringify(field)}:${value}}`;
    return `{"type":"${type}","delay_ms":86400000,"payload":${fields}}`;
  };
  for (const filler of Object.keys(FILLERS))
    yield { name: `${type}: ${filler}`, kind: "single", text: () => around(filled(filler, bytes)) };
  for (const [field, schema] of Object.entries(payload.properties)) {
    for (const form of formsOf(schema))
      yield {
        name: `${type}.${field}: valid`,
        kind: "single",
        text: () => around(JSON.stringify(largest(form, bytes)), field),
      };
    for (const filler of Object.keys(FILLERS))
      yield { name: `${type}.${field}: ${filler}`, kind: "single", text: () => around(filled(filler, bytes), field) };
  }
  const job = around(JSON.stringify(example));
  yield {
    name: `${type}: a batch`,
    kind: "batch",
    text: () => `{"jobs":[${`${job},`.repeat(bytes / job.length)}${job}]}`,
  };
  yield { name: `${type}: lines`, kind: "ndjson", text: () => `${job}\n`.repeat(bytes / job.length) };
}

/** Bodies that are not a job of any type. */
export function* bodiesOfNone(bytes: number): Generator<MaximalBody> {
  for (const filler of Object.keys(FILLERS)) {
    for (const [around, kind] of [
      [(value: string) => value, "single"],
      [(value: string) => `{"jobs":${value}}`, "batch"],
      [(value: string) => value.replaceAll(",", "\n"), "ndjson"],
    ] as const) {
      yield { name: `${kind}: ${filler}`, kind, text: () => around(filled(filler, bytes)) };
    }
  }
  for (const unit of ["[", '{"a":', "\n", " ", "{}\n", "1\n", '"', "\\"])
    yield { name: `repeated: ${unit}`, kind: "ndjson", text: () => unit.repeat(bytes / unit.length) };
}

function filled(filler: string, bytes: number): string {
  const [open, unit, close] = FILLERS[filler] ?? ["", () => "", ""];
  const parts = [open];
  for (let length = 0, n = 0; length < bytes; n++) {
    const part = unit(n);
    parts.push(part);
    length += part.length;
  }
  return parts.join("") + close;
}

function formsOf(schema: Schema): readonly Schema[] {
  return (schema.anyOf ?? [schema]).filter((form) => typeof form !== "boolean");
}

/** The largest value that a schema accepts, with at most this many bytes. */
function largest(schema: Schema, bytes: number): unknown {
  const [form = schema] = formsOf(schema);
  if (form.enum) return form.enum[0];
  if ("const" in form) return form.const;
  if (form.type === "string") return largestText(form, bytes);
  if (form.type === "array") return listOf(form, bytes);
  if (form.type === "object") return largestObject(form, bytes);
  return form.type === "boolean"
    ? true
    : form.type === undefined
      ? listOf({ items: { type: "null" } }, bytes)
      : (form.minimum ?? 1);
}

function largestText({ maxLength = Infinity, pattern = "" }: Schema, bytes: number): string {
  const expression = new RegExp(pattern, "u");
  const lengths = [Math.min(maxLength, bytes), 111, 32, 8, 1];
  return (
    [...lengths.flatMap((length) => ["A", "1"].map((letter) => letter.repeat(length))), ...SAMPLES].find((text) =>
      expression.test(text),
    ) ?? ""
  );
}

function listOf({ items, maxItems = Infinity }: Schema, bytes: number): unknown[] {
  const item = largest((items ?? {}) as Schema, 8);
  return Array<unknown>(Math.min(maxItems, Math.ceil(bytes / (JSON.stringify(item).length + 1)))).fill(item);
}

function largestObject(
  { properties = {}, patternProperties, maxProperties = Infinity }: Schema,
  bytes: number,
): object {
  const share = bytes / Math.max(1, Object.keys(properties).length);
  const named = Object.entries(properties).map(([name, property]) => [name, largest(property as Schema, share)]);
  if (!patternProperties) return Object.fromEntries(named) as object;
  const value = largest((Object.values(patternProperties)[0] ?? {}) as Schema, 8);
  const count = Math.min(maxProperties, Math.ceil(bytes / (JSON.stringify(value).length + 10)));
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]));
}
