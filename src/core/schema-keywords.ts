/** The keywords of JSON Schema by which {@link errorFinder} finds errors itself. */

export interface Schema {
  readonly type?: string | readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema | boolean>>;
  readonly patternProperties?: Readonly<Record<string, Schema | boolean>>;
  readonly additionalProperties?: Schema | boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: Schema | boolean | readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** A description of the pattern, which messages show instead of it. */
  readonly expected?: string;
  readonly examples?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly (Schema | boolean)[];
}

/** A description of a schema's pattern, if there is one: `expected`, else an example, else the description. */
export function expectedOf({ expected, examples, description }: Schema): string | undefined {
  if (expected !== undefined) return expected;
  const example: unknown = Array.isArray(examples) ? examples[0] : undefined;
  if (typeof example === "string") return `text of the form of ${JSON.stringify(example)}`;
  return description === undefined ? undefined : `text that fits the description of the field: ${description}`;
}

export const KNOWN_TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

/** The keywords that typebox checks, but {@link Schema} does not contain. It ignores all others. */
const OTHER_KEYWORDS = [
  ..."additionalItems contains minContains maxContains prefixItems unevaluatedItems".split(" "),
  ..."dependencies dependentRequired dependentSchemas propertyNames unevaluatedProperties".split(" "),
  ..."allOf oneOf not if format ~refine".split(" "),
];
const REFERENCES = ["$ref", "$dynamicRef", "$recursiveRef"];

/** Whether a schema itself, without its subschemas, uses a keyword or a value that only typebox can check. */
export function isUnknownHere(schema: Schema): boolean {
  if (OTHER_KEYWORDS.some((keyword) => keyword in schema) || Array.isArray(schema.items)) return true;
  if (![schema.type ?? []].flat().every((name) => Object.hasOwn(KNOWN_TYPES, name))) return true;
  return [schema.const, ...(schema.enum ?? [])].some((value) => typeof value === "object" && value !== null);
}

/** Whether a schema contains a reference to another schema. A part of it cannot be compiled without that schema. */
export function hasReference(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return REFERENCES.some((keyword) => Object.hasOwn(schema, keyword)) || Object.values(schema).some(hasReference);
}
