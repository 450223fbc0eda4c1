/** What a JSON Schema asks for, as far as a form can show it. */
import type { JsonNode, JsonObject } from "./json-document.ts";
import { memberOf, nodeOf, parseJson, pointerTo } from "./json-document.ts";

/** The keywords that the form reads; the server checks all of them. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema | boolean;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  /** What a text must be, in words: an annotation of TaskFlow's own schemas. */
  readonly expected?: string;
}

export type Shape =
  | { readonly kind: "text"; readonly isLong: boolean }
  | { readonly kind: "number"; readonly isWhole: boolean }
  | { readonly kind: "boolean" }
  | { readonly kind: "null" }
  /** The JSON of each possible value. */
  | { readonly kind: "choice"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly items: Schema }
  | ObjectShape
  | { readonly kind: "union"; readonly branches: readonly Schema[] }
  /** Anything: the form shows JSON. */
  | { readonly kind: "json" };

export interface ObjectShape {
  readonly kind: "object";
  readonly properties: readonly (readonly [key: string, schema: Schema])[];
  readonly required: ReadonlySet<string>;
  /** The schema of members with other names; undefined where there may be none. */
  readonly others: Schema | undefined;
}

const JSON_SHAPE: Shape = { kind: "json" };

export function shapeOf(schema: Schema): Shape {
  const { type, enum: values, anyOf, oneOf } = schema;
  if (values) return { kind: "choice", values: values.map((value) => JSON.stringify(value)) };
  if ("const" in schema) return { kind: "choice", values: [JSON.stringify(schema.const)] };
  const branches = anyOf ?? oneOf;
  if (branches) return { kind: "union", branches: branches.flatMap(branchesIn) };
  if (Array.isArray(type)) return { kind: "union", branches: type.map((each: string) => ({ ...schema, type: each })) };
  if (type === "string") return { kind: "text", isLong: isLongText(schema) };
  if (type === "number" || type === "integer") return { kind: "number", isWhole: type === "integer" };
  if (type === "boolean" || type === "null") return { kind: type };
  if (type === "array") return { kind: "list", items: typeof schema.items === "object" ? schema.items : {} };
  if (type === "object") return objectShape(schema);
  return JSON_SHAPE;
}

function isLongText({ maxLength, pattern, format }: Schema): boolean {
  return maxLength === undefined && pattern === undefined && format === undefined;
}

/** A union in a union is one choice. */
function branchesIn(schema: Schema): readonly Schema[] {
  const shape = shapeOf(schema);
  return shape.kind === "union" ? shape.branches : [schema];
}

function objectShape({ properties = {}, required = [], additionalProperties, patternProperties = {} }: Schema): Shape {
  const [pattern] = Object.values(patternProperties);
  const additional = typeof additionalProperties === "object" ? additionalProperties : {};
  const others = pattern ?? (additionalProperties === false ? undefined : additional);
  return { kind: "object", properties: Object.entries(properties), required: new Set(required), others };
}

/** Whether a form of this shape can show the value, whatever its parts are. */
export function canShow(shape: Shape, node: JsonNode): boolean {
  switch (shape.kind) {
    case "text":
      return node.kind === "string";
    case "number":
      return node.kind === "number" || node.kind === "draft";
    case "boolean":
    case "null":
      return node.kind === shape.kind;
    case "choice":
      return "text" in node && shape.values.some((value) => isSameScalar(value, node.text));
    case "list":
      return node.kind === "array";
    case "object":
      return node.kind === "object";
    case "union":
    case "json":
      return true;
  }
}

/** `1.0` and `1` are the same value. */
export function isSameScalar(json: string, text: string): boolean {
  if (json === text) return true;
  const [one, other] = [parseJson(json), parseJson(text)];
  if (!("node" in one) || !("node" in other)) return false;
  return "text" in one.node && "text" in other.node && JSON.parse(one.node.text) === JSON.parse(other.node.text);
}

/** Whether the value has the shape of the schema with all its parts; limits such as `maxLength` do not matter. */
export function fits(schema: Schema, node: JsonNode): boolean {
  const shape = shapeOf(schema);
  if (!canShow(shape, node)) return false;
  if (shape.kind === "union") return shape.branches.some((branch) => fits(branch, node));
  if (shape.kind === "list") return node.kind === "array" && node.items.every((item) => fits(shape.items, item));
  if (shape.kind === "object") return node.kind === "object" && fitsObject(shape, node);
  if (shape.kind === "number" && shape.isWhole && node.kind === "number") return Number.isInteger(Number(node.text));
  return true;
}

function fitsObject({ properties, required, others }: ObjectShape, object: JsonObject): boolean {
  if ([...required].some((key) => memberOf(object, key) === undefined)) return false;
  const known = new Map(properties);
  return object.members.every(({ key, value }) => {
    const schema = known.get(key) ?? others;
    return schema !== undefined && fits(schema, value);
  });
}

/**
 * The branch of a union that shows a value: the first one that fits, or else the first one of its kind; -1 for none.
 * @param chosen the branch that the user has chosen, which wins if the value fits it
 */
export function branchOf(branches: readonly Schema[], node: JsonNode, chosen = -1): number {
  const choice = branches[chosen];
  if (choice && fits(choice, node)) return chosen;
  const fitting = branches.findIndex((branch) => fits(branch, node));
  if (fitting !== -1) return fitting;
  return branches.findIndex((branch) => canShow(shapeOf(branch), node));
}

/** A short name for each branch of a union, all different. */
export function branchNames(branches: readonly Schema[]): string[] {
  const names = branches.map(nameOf);
  return names.map((name, at) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} ${at + 1}`));
}

function nameOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "text":
      return "Text";
    case "number":
      return "Number";
    case "boolean":
      return "Yes or no";
    case "null":
      return "Nothing";
    case "choice":
      return shape.values.length === 1 ? (shape.values[0] ?? "") : "Choice";
    case "list":
      return "List";
    case "object": {
      const keys = shape.required.size > 0 ? [...shape.required] : shape.properties.map(([key]) => key);
      return keys.length === 0 ? "Object" : `Object: ${keys.slice(0, 3).join(", ")}`;
    }
    case "union":
    case "json":
      return "JSON";
  }
}

/** The value that a field of this schema begins with. */
export function startOf(schema: Schema): JsonNode {
  if (schema.default !== undefined) return nodeOf(schema.default);
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case "text":
      return nodeOf("");
    case "number":
      return nodeOf(schema.minimum ?? 0);
    case "boolean":
      return nodeOf(false);
    case "choice":
      return nodeOf(JSON.parse(shape.values[0] ?? "null"));
    case "list":
      return { kind: "array", items: Array.from({ length: schema.minItems ?? 0 }, () => startOf(shape.items)) };
    case "object": {
      const members = shape.properties.filter(([key]) => shape.required.has(key));
      return {
        kind: "object",
        members: members.map(([key, each]) => ({ key, keyText: JSON.stringify(key), value: startOf(each) })),
      };
    }
    case "union":
      return startOf(shape.branches[0] ?? {});
    case "null":
    case "json":
      return nodeOf(null);
  }
}

/** Objects of up to so many fields show all of them. */
const FEW = 6;

/**
 * The fields that an object shows at once: required ones, those with a value, and those of the first example. The form
 * folds the others.
 */
export function mainFields(schema: Schema, { properties, required }: ObjectShape, object: JsonObject): Set<string> {
  const keys = properties.map(([key]) => key);
  if (keys.length <= FEW) return new Set(keys);
  const example = Object.keys(schema.examples?.[0] ?? {});
  return new Set(keys.filter((key) => required.has(key) || example.includes(key) || memberOf(object, key)));
}

export interface FieldIssue {
  /** A JSON pointer into the value. */
  readonly path: string;
  readonly message: string;
}

/**
 * The messages that a field shows: its own, and those of parts that it does not show as fields.
 * @param shown the keys of the parts that are fields
 */
export function messagesAt(
  issues: readonly FieldIssue[],
  pointer: string,
  shown: readonly (string | number)[],
): string[] {
  const fields = shown.map((key) => pointerTo(pointer, key));
  return issues
    .filter(({ path }) => path === pointer || path.startsWith(`${pointer}/`))
    .filter(({ path }) => !fields.some((field) => path === field || path.startsWith(`${field}/`)))
    .map(({ path, message }) => (path === pointer ? message : `${path.slice(pointer.length + 1)}: ${message}`));
}
