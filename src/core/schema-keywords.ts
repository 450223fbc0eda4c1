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
  /** What the pattern asks for, in words: messages name it in place of the pattern. */
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

/** What a pattern asks for, in words, where the schema has any: `expected`, else an example, else the description. */
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

/** What typebox reads beside those of {@link Schema}; every other keyword it takes for a note. */
const OTHER_KEYWORDS = [
  ..."additionalItems contains minContains maxContains prefixItems unevaluatedItems".split(" "),
  ..."dependencies dependentRequired dependentSchemas propertyNames unevaluatedProperties".split(" "),
  ..."allOf oneOf not if format ~refine".split(" "),
];
const REFERENCES = ["$ref", "$dynamicRef", "$recursiveRef"];

/** Whether a schema has, not counting those within it, a keyword or a value that only typebox knows. */
export function isUnknownHere(schema: Schema): boolean {
  if (OTHER_KEYWORDS.some((keyword) => keyword in schema) || Array.isArray(schema.items)) return true;
  if (![schema.type ?? []].flat().every((name) => Object.hasOwn(KNOWN_TYPES, name))) return true;
  return [schema.const, ...(schema.enum ?? [])].some((value) => typeof value === "object" && value !== null);
}

/** Whether a schema refers to another one at any place. Whoever looks at a part of it alone would not find that one. */
export function hasReference(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  return REFERENCES.some((keyword) => Object.hasOwn(schema, keyword)) || Object.values(schema).some(hasReference);
}
