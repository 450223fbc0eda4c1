/** The shapes of the bodies that submit flows and batches; their jobs are checked apart (submission.ts). */
import type { Static, TObject } from "typebox";
import { Type } from "typebox";
import type { ValidationIssue } from "../schema-issues.ts";
import { DAY_MS } from "../time.ts";
import type { Validator } from "../validator.ts";
import { compileValidator } from "../validator.ts";
import { MAX_NODES } from "./graph.ts";

/** Jobs in one call. */
export const MAX_FLOW_JOBS = 10_000;
/** Jobs in a batch, over all calls. */
export const MAX_BATCH_JOBS = 1_000_000;
/** Entries of all `after` together. Redis follows each when a node ends, 200 at a time. */
export const MAX_EDGES = 100_000;
export const DEFAULT_CLOSE_AFTER_MS = DAY_MS;
export const MAX_CLOSE_AFTER_MS = 30 * DAY_MS;
export const MAX_FLOW_NAME = 128;

/** What callers may ask for; `first_failure` is that of the callback `on_first_failure`. */
export const SUBMITTED_WHENS = ["succeeded", "failed", "ended"] as const;

/** The names of nodes. */
export const NODE_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
export const NODE_NAME_RULE = "expected a name of 1 to 64 letters, digits and _ . -";

const anything = Type.Unknown();
const name = Type.Optional(Type.String({ minLength: 1, maxLength: MAX_FLOW_NAME }));
const maxFailures = Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_BATCH_JOBS, default: 0 }));
const position = {
  after: Type.Optional(Type.Array(Type.String(), { maxItems: MAX_NODES })),
  when: Type.Optional(Type.Enum([...SUBMITTED_WHENS])),
};
const closed = { additionalProperties: false };

export const CALLBACKS = ["on_success", "on_complete", "on_first_failure"] as const;
export type CallbackName = (typeof CALLBACKS)[number];

/** A batch without its jobs: the first line of NDJSON. */
const batchHead = {
  name,
  open: Type.Optional(Type.Boolean({ default: false })),
  close_after_ms: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_CLOSE_AFTER_MS, default: DEFAULT_CLOSE_AFTER_MS }),
  ),
  max_failures: maxFailures,
  on_success: Type.Optional(anything),
  on_complete: Type.Optional(anything),
  on_first_failure: Type.Optional(anything),
};

export const flowShape = shapeOf(
  Type.Object({ name, on_failure: Type.Optional(Type.Enum(["finish", "stop"])), jobs: Type.Object({}) }, closed),
);
export const batchShape = shapeOf(
  Type.Object({ ...batchHead, jobs: Type.Array(anything, { maxItems: MAX_FLOW_JOBS }) }, closed),
);
export const batchHeadShape = shapeOf(Type.Object(batchHead, closed));
/** A node that is a job: its other fields are those of a submission. */
export const positionShape = shapeOf(Type.Object(position));
export const batchNodeShape = shapeOf(
  Type.Object(
    { ...position, batch: Type.Array(anything, { maxItems: MAX_FLOW_JOBS }), max_failures: maxFailures },
    closed,
  ),
);
const followers = Type.Optional(Type.Array(anything, { minItems: 1, maxItems: MAX_NODES }));
// biome-ignore lint/suspicious/noThenProperty: the name of the API
export const thenShape = shapeOf(Type.Object({ then: followers, on_failure: followers }));

interface Shape<Schema extends TObject> {
  readonly schema: Schema;
  readonly validator: Validator<Schema>;
}

function shapeOf<Schema extends TObject>(schema: Schema): Shape<Schema> {
  return { schema, validator: compileValidator(schema) };
}

/**
 * The members of a value that match the shape. The issues of the others are added, so that one answer has all of them.
 * @param path JSON pointer to the value
 */
export function fieldsOf<Schema extends TObject>(
  { schema, validator }: Shape<Schema>,
  value: unknown,
  path: string,
  issues: ValidationIssue[],
): Partial<Static<Schema>> {
  if (validator.isValid(value)) return value;
  const own = validator.issuesOf(value);
  issues.push(...own.map((issue) => ({ ...issue, path: path + issue.path })));
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const invalid = new Set(own.map((issue) => issue.path.split("/", 2)[1]));
  const names = Object.keys(schema.properties).filter((name) => Object.hasOwn(value, name) && !invalid.has(name));
  return Object.fromEntries(names.map((name) => [name, (value as Readonly<Record<string, unknown>>)[name]])) as Partial<
    Static<Schema>
  >;
}
