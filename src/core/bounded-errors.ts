/**
 * Finds the errors of a value that its schema rejects, like typebox's `Errors`, in a time bounded by the value's size:
 *
 * - A list, string or object that is too long has that one error; its content is not read.
 * - Each value is read once for each branch of a union, and no value after MAX_ERRORS errors.
 *
 * typebox reads everything, at 10 µs per value, and its `uniqueItems` is quadratic: minutes for a body of 240 KB. This
 * module uses typebox only for keywords that it does not implement, and only for small values.
 */
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";
import { Hashing } from "typebox/system";
import type { Schema } from "./schema-keywords.ts";
import { expectedOf, hasReference, isUnknownHere, KNOWN_TYPES } from "./schema-keywords.ts";
import { MAX_ERRORS, sizeOf, Walk } from "./walk.ts";

type Visit = (value: unknown, walk: Walk) => void;
type Objects = Readonly<Record<string, unknown>>;

/** Compiles a schema to a function that finds the errors of a value; a valid value has none. */
export function errorFinder(schema: Schema | boolean): (value: unknown) => TLocalizedValidationError[] {
  const visit = hasReference(schema) ? visitByTypebox(schema, "#") : visitOf(schema, "#");
  return (value) => {
    const walk = new Walk();
    visit(value, walk);
    return walk.errors;
  };
}

/** @param at the path of the schema, as a JSON pointer */
function visitOf(schema: Schema | boolean, at: string): Visit {
  if (schema === true) return () => undefined;
  if (schema === false) return (_, walk) => walk.add("boolean", at, {}, "schema is false");
  if (isUnknownHere(schema)) return visitByTypebox(schema, at);
  const parts = [ofType, ofObject, ofArray, ofString, ofNumber, ofConstant, ofUnion].flatMap(
    (part) => part(schema, at) ?? [],
  );
  return (value, walk) => {
    for (const part of parts) {
      if (walk.isFull) return;
      part(value, walk);
    }
  };
}

/** Lets typebox find the errors of keywords that this module does not implement. */
function visitByTypebox(schema: unknown, at: string): Visit {
  const validator = Compile(schema as TSchema);
  return (value, walk) => {
    if (validator.Check(value)) return;
    if (!walk.spend(sizeOf(value, walk.budget))) {
      walk.add("not", at, {}, "is not valid, and too large to say where");
      return;
    }
    for (const error of validator.Errors(value))
      walk.addBelow(
        error.keyword === "pattern"
          ? { ...error, params: { ...error.params, ...expectedAt(schema, error.schemaPath) } }
          : error,
        at,
      );
  };
}

/**
 * The description of a pattern for an error that typebox found.
 * @param path of the schema that has the pattern, as a JSON pointer after `#`
 */
function expectedAt(schema: unknown, path: string): { readonly expected?: string } {
  let part = schema;
  for (const step of path.split("/").slice(1))
    part = (part as Readonly<Record<string, unknown>> | undefined)?.[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  const expected = expectedOf(part ?? {});
  return expected === undefined ? {} : { expected };
}

function ofType({ type }: Schema, at: string): Visit | undefined {
  if (type === undefined) return undefined;
  const checks = [type].flat().map((name) => KNOWN_TYPES[name]);
  return (value, walk) => {
    if (!checks.some((isType) => isType?.(value))) walk.add("type", at, { type });
  };
}

function ofObject(schema: Schema, at: string): Visit | undefined {
  const { required = [], minProperties = 0, maxProperties = Infinity } = schema;
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    isNeeded: required.includes(name),
    visit: visitOf(property, `${at}/properties/${name}`),
  }));
  const parts = [additional(schema, at), ...patterns(schema, at)];
  if (
    properties.length + parts.flat().length + required.length === 0 &&
    schema.minProperties === undefined &&
    schema.maxProperties === undefined
  )
    return undefined;
  return (value, walk) => {
    if (!isObject(value)) return;
    const size = minProperties > 0 || maxProperties < Infinity ? Object.keys(value).length : 0;
    if (size > maxProperties) {
      walk.add("maxProperties", at, { limit: maxProperties });
      return;
    }
    const missing = required.filter((name) => !hasMember(value, name));
    if (missing.length > 0) walk.add("required", at, { requiredProperties: missing });
    for (const part of parts) part?.(value, walk);
    for (const { name, isNeeded, visit } of properties) {
      if (hasMember(value, name) && (isNeeded || value[name] !== undefined)) walk.into(name, value[name], visit);
    }
    if (size < minProperties) walk.add("minProperties", at, { limit: minProperties });
  };
}

/** The members that a schema does not name. */
function additional(
  { properties = {}, patternProperties = {}, additionalProperties }: Schema,
  at: string,
): Visit | undefined {
  if (additionalProperties === undefined || additionalProperties === true) return undefined;
  const named = new Set(Object.keys(properties));
  const expressions = Object.keys(patternProperties).map((pattern) => new RegExp(pattern, "u"));
  const visit = visitOf(additionalProperties, `${at}/additionalProperties`);
  return (value, walk) => {
    for (const name in value as Objects) {
      if (walk.isFull) return;
      if (!named.has(name) && !expressions.some((expression) => expression.test(name)))
        walk.into(name, (value as Objects)[name], visit);
    }
  };
}

function patterns({ patternProperties = {} }: Schema, at: string): Visit[] {
  return Object.entries(patternProperties).map(([pattern, schema]) => {
    const expression = new RegExp(pattern, "u");
    const visit = visitOf(schema, `${at}/patternProperties/${pattern}`);
    return (value, walk) => {
      for (const name in value as Objects) {
        if (walk.isFull) return;
        if (expression.test(name)) walk.into(name, (value as Objects)[name], visit);
      }
    };
  });
}

function ofArray(
  { items, minItems = 0, maxItems = Infinity, uniqueItems = false }: Schema,
  at: string,
): Visit | undefined {
  if (items === undefined && minItems === 0 && maxItems === Infinity && !uniqueItems) return undefined;
  const visit = visitOf((items as Schema | undefined) ?? true, `${at}/items`);
  return (value, walk) => {
    if (!Array.isArray(value)) return;
    if (value.length > maxItems) {
      walk.add("maxItems", at, { limit: maxItems });
      return;
    }
    for (let index = 0; index < value.length && !walk.isFull; index++) walk.into(index, value[index], visit);
    if (value.length < minItems) walk.add("minItems", at, { limit: minItems });
    if (uniqueItems && new Set(value.map(Hashing.Hash)).size < value.length)
      walk.add("uniqueItems", at, {}, "must not have duplicate items");
  };
}

function ofString(schema: Schema, at: string): Visit | undefined {
  const { minLength = 0, maxLength = Infinity, pattern } = schema;
  if (minLength === 0 && maxLength === Infinity && pattern === undefined) return undefined;
  const expression = pattern === undefined ? undefined : new RegExp(pattern, "u");
  const expected = expectedOf(schema);
  return (value, walk) => {
    if (typeof value !== "string") return;
    if (isLonger(value, maxLength)) {
      walk.add("maxLength", at, { limit: maxLength });
      return;
    }
    if (!isLonger(value, minLength - 1)) walk.add("minLength", at, { limit: minLength });
    if (expression?.test(value) === false) walk.add("pattern", at, { pattern, expected });
  };
}

/**
 * Whether a text has more code points than `limit`. It counts them only if the number of code units is inconclusive.
 */
function isLonger(text: string, limit: number): boolean {
  if (text.length <= limit || text.length > 2 * limit) return text.length > limit;
  let count = 0;
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) count += 1;
  return count > limit;
}

function ofNumber({ exclusiveMinimum, exclusiveMaximum, minimum, maximum, multipleOf }: Schema, at: string): Visit[] {
  const bounds = [
    {
      keyword: "exclusiveMinimum",
      comparison: ">",
      limit: exclusiveMinimum,
      isWithin: (value: number, limit: number) => value > limit,
    },
    {
      keyword: "exclusiveMaximum",
      comparison: "<",
      limit: exclusiveMaximum,
      isWithin: (value: number, limit: number) => value < limit,
    },
    {
      keyword: "minimum",
      comparison: ">=",
      limit: minimum,
      isWithin: (value: number, limit: number) => value >= limit,
    },
    {
      keyword: "maximum",
      comparison: "<=",
      limit: maximum,
      isWithin: (value: number, limit: number) => value <= limit,
    },
  ];
  const visits = bounds.flatMap(({ keyword, comparison, limit, isWithin }): Visit[] =>
    limit === undefined
      ? []
      : [
          (value, walk) => {
            if (Number.isFinite(value) && !isWithin(value as number, limit))
              walk.add(keyword, at, { comparison, limit });
          },
        ],
  );
  return multipleOf === undefined ? visits : [...visits, visitByTypebox({ multipleOf }, at)];
}

function ofConstant(schema: Schema, at: string): Visit[] {
  const visits: Visit[] = [];
  const { enum: allowedValues } = schema;
  if ("const" in schema)
    visits.push((value, walk) => {
      if (value !== schema.const) walk.add("const", at, { allowedValue: schema.const });
    });
  if (allowedValues)
    visits.push((value, walk) => {
      if (!allowedValues.includes(value)) walk.add("enum", at, { allowedValues });
    });
  return visits;
}

/**
 * The errors of the branches precede that of the union, as in typebox. Nothing is searched if a branch matches.
 */
function ofUnion({ anyOf }: Schema, at: string): Visit | undefined {
  if (!anyOf) return undefined;
  const validator = Compile({ anyOf } as TSchema);
  const visits = anyOf.map((form, index) => visitOf(form, `${at}/anyOf/${index}`));
  return (value, walk) => {
    if (validator.Check(value)) return;
    const errors = visits.flatMap((visit) => walk.apart(() => visit(value, walk)));
    walk.errors.push(...errors.slice(0, MAX_ERRORS - walk.errors.length));
    walk.add("anyOf", at, {});
  };
}

function isObject(value: unknown): value is Objects {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Like typebox's own check: only for these names it ignores inherited members. */
function hasMember(value: Objects, name: string): boolean {
  return name === "constructor" || name === "prototype" || name === "__proto__"
    ? Object.hasOwn(value, name)
    : name in value;
}
