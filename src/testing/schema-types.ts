/** Writes the JSON schemas of this program as TypeScript types. Their descriptions become doc comments. */

/** The part of JSON Schema that is read here. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[] | undefined;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
}

/** How to write the name of a property, and its type if that does not follow from the schema. */
export interface Rendering {
  readonly nameOf?: (name: string) => string;
  readonly typeOf?: (name: string) => string | undefined;
  /** Makes properties read-only and lets optional ones be `undefined`, for types of a caller's values. */
  readonly isInput?: boolean;
}

const PRIMITIVES: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

export function interfaceOf(name: string, schema: JsonSchema, rendering: Rendering = {}): string {
  return `${comment(schema.description, "")}export interface ${name} ${members(schema, "", rendering)}\n`;
}

/** @throws Error for an unknown kind of schema */
export function typeOf(schema: JsonSchema, indent = "", rendering: Rendering = {}): string {
  const { $ref, anyOf, items, properties, patternProperties, type } = schema;
  if ($ref !== undefined) return $ref.replace(/^.*\//, "");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf) return [...new Set(anyOf.map((one) => typeOf(one, indent, rendering)))].join(" | ");
  if (type === "array") return arrayOf(items, indent, rendering);
  if (patternProperties)
    return `Record<string, ${Object.values(patternProperties)
      .map((value) => typeOf(value, indent, rendering))
      .join(" | ")}>`;
  if (properties && Object.keys(properties).length > 0) return members(schema, indent, rendering);
  if (type === "object") return "Record<string, unknown>";
  if (type === undefined) return "unknown";
  const primitive = PRIMITIVES[type];
  if (primitive === undefined) throw new Error(`no TypeScript for ${JSON.stringify(schema)}`);
  return primitive;
}

function arrayOf(items: JsonSchema["items"], indent: string, rendering: Rendering): string {
  if (items !== undefined && !("length" in items)) {
    const item = typeOf(items, indent, rendering);
    return `${rendering.isInput === true ? "readonly " : ""}${items.anyOf || items.enum ? `(${item})` : item}[]`;
  }
  return `[${(items ?? []).map((item) => typeOf(item, indent, rendering)).join(", ")}]`;
}

function members({ properties = {}, required = [] }: JsonSchema, indent: string, rendering: Rendering): string {
  const inner = `${indent}  `;
  const { nameOf = (name: string) => name, typeOf: own = () => undefined, isInput = false } = rendering;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const key = nameOf(name);
    const written = /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
    const isRequired = required.includes(name);
    const type = own(name) ?? typeOf(schema, inner, rendering);
    return `${comment(schema.description, inner)}${inner}${written}${isRequired ? "" : "?"}: ${type}${isInput && !isRequired && type !== "unknown" ? " | undefined" : ""};\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function comment(text: string | undefined, indent: string): string {
  return text === undefined ? "" : `${indent}/** ${text.replaceAll("*/", "* /")} */\n`;
}
