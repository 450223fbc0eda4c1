/** Generates valid and invalid requests from an OpenAPI document, and checks that the answers conform to it. */
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";

type Json = Record<string, unknown>;

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Json;
}

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface DocumentedCall {
  readonly method: string;
  readonly pattern: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<
      Record<
        string,
        { readonly schema: Json; readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }
      >
    >;
  };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface GeneratedRequest {
  readonly call: DocumentedCall;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface OpenApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<DocumentedCall, "method" | "pattern">>>>>;
}

export function callsOf({ paths }: OpenApiDocument): DocumentedCall[] {
  return Object.entries(paths).flatMap(([pattern, path]) =>
    Object.entries(path).map(([method, call]) => ({ ...call, method: method.toUpperCase(), pattern })),
  );
}

/** @param known existing values by parameter name, for requests that find something */
export function requestsOf(
  document: OpenApiDocument,
  known: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<GeneratedRequest> {
  // Most errors are in bodies, and all pages are similar.
  return fc.oneof(
    ...callsOf(document).map((call) => ({
      weight: call.requestBody ? 10 : call.pattern.startsWith("/docs") ? 1 : 3,
      arbitrary: requestOf(call, known),
    })),
  );
}

/** Text that a client can put into a header or a URL. */
const anyText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    "0",
    "-1",
    "1e9",
    "null",
    "..",
    "%2e%2e",
    "true",
    "2026-01-31T12:00:00Z",
    "failed",
    "email",
    "x".repeat(300),
  ),
);
const headerText = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 40,
});

function textOf({ name, schema }: Parameter, known: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<string> {
  const good = known[name] ?? (schema.enum as string[] | undefined) ?? [];
  if (schema.type === "integer" && !(name in known))
    return fc.oneof(
      fc.integer({ min: Number(schema.minimum ?? 0), max: Number(schema.maximum ?? 1_000) }).map(String),
      anyText,
    );
  return good.length === 0 ? anyText : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...good) }, anyText);
}

function requestOf(
  call: DocumentedCall,
  known: Readonly<Record<string, readonly string[]>>,
): fc.Arbitrary<GeneratedRequest> {
  const of = (location: Parameter["in"]) => call.parameters.filter((parameter) => parameter.in === location);
  const path = fc.record(
    Object.fromEntries(
      of("path").map((parameter) => [
        parameter.name,
        textOf(parameter, known).map((text) => encodeURIComponent(text === "" || /^\.+$/.test(text) ? "x" : text)),
      ]),
    ),
  );
  const query = fc.record(
    Object.fromEntries([
      ...of("query").map((parameter) => [parameter.name, textOf(parameter, known)] as const),
      ["unknown", anyText] as const,
    ]),
    { requiredKeys: [] },
  );
  const headers = fc.record(Object.fromEntries(of("header").map(({ name }) => [name, headerText])), {
    requiredKeys: [],
  });
  return fc
    .record({ path, query, headers, body: bodyOf(call), withQuery: fc.integer({ min: 0, max: 2 }) })
    .map(({ path: parts, query: fields, headers: own, body, withQuery }) => {
      const text = new URLSearchParams(
        Object.entries(fields as Record<string, string>).filter(([name]) => name !== "unknown" || withQuery === 2),
      ).toString();
      const filled = call.pattern.replace(/\{(\w+)\}/g, (_, name: string) => String(parts[name]));
      return {
        call,
        body: body?.text,
        path: of("query").length === 0 || text === "" || withQuery === 0 ? filled : `${filled}?${text}`,
        headers: { ...own, ...(body && { "content-type": body.type }) },
      };
    });
}

function bodyOf({
  requestBody,
}: DocumentedCall): fc.Arbitrary<{ readonly type: string; readonly text: string } | undefined> {
  if (!requestBody) return fc.constant(undefined);
  const examples = Object.values(requestBody.content).flatMap(({ examples: named = {} }) =>
    Object.values(named).map(({ value }) => value),
  );
  const types = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...Object.keys(requestBody.content)) },
    fc.constantFrom("text/plain", "application/x-ndjson", "application/json"),
  );
  const given = fc.record({
    type: types,
    text: fc.oneof(
      { weight: 4, arbitrary: submissions(examples) },
      { weight: 1, arbitrary: fc.json() },
      { weight: requestBody.required ? 0 : 4, arbitrary: fc.json().map((value) => `{"reason":${value}}`) },
      { weight: 1, arbitrary: fc.string() },
    ),
  });
  return requestBody.required
    ? given
    : fc.oneof(given, fc.constantFrom(undefined, { type: "application/json", text: "{}" }));
}

const OPTIONS = {
  priority: fc.integer({ min: -1, max: 10 }),
  delay_ms: fc.integer({ min: 0, max: 100_000 }),
  run_at: fc.constantFrom("2026-12-01T00:00:00Z", "tomorrow", ""),
  max_attempts: fc.integer({ min: 0, max: 26 }),
  timeout_ms: fc.integer({ min: 99, max: 100_000 }),
  expires_at: fc.constantFrom("2027-12-01T00:00:00Z", "never"),
  tags: fc.array(fc.string({ maxLength: 66 }), { maxLength: 11 }),
  group_key: fc.string({ maxLength: 20 }),
  durability: fc.constantFrom("redis", "memory"),
  callback_url: fc.constantFrom("https://example.com/done", "nowhere"),
  backoff: fc.constantFrom({ kind: "fixed", base_ms: 1 }, { kind: "never" }, 7),
  surprise: fc.anything({ maxDepth: 1 }),
};

/** An example unchanged, with options, or with one member replaced; alone, in a batch, or as NDJSON. */
function submissions(examples: readonly unknown[]): fc.Arbitrary<string> {
  const base = fc.constantFrom(
    ...(examples.length === 0 ? [{ type: "webhook", payload: { url: "https://example.com/" } }] : examples),
  ) as fc.Arbitrary<Json>;
  const options = fc.oneof(fc.constant({}), fc.record(OPTIONS, { requiredKeys: [], noNullPrototype: true }));
  const spoiled = fc
    .tuple(base, options, fc.integer({ min: 0, max: 3 }), fc.jsonValue({ maxDepth: 2 }), fc.nat(100))
    .map(([example, more, what, value, at]) => {
      if (!("payload" in example)) return what === 0 ? example : withMember(example, at, value);
      const submission: Json = { ...example, ...(what > 0 ? more : {}) };
      if (what === 2) submission.payload = value;
      if (what === 3)
        submission.payload = { ...(example.payload as Json), [Object.keys(example.payload as Json)[0] ?? "x"]: value };
      return submission;
    });
  return fc
    .tuple(fc.array(spoiled, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 2 }))
    .map(([jobs, shape]) => {
      if (shape === 0) return JSON.stringify(jobs[0]);
      return shape === 1 ? JSON.stringify({ jobs }) : jobs.map((job) => JSON.stringify(job)).join("\n");
    });
}

/** One of its members, or of its job's, or one that it lacks, has this value. */
function withMember(example: Json, at: number, value: unknown): Json {
  const { job } = example as { readonly job?: Json };
  const names = [...Object.keys(example), "time_zone", "end_at", "times", "max", "surprise"];
  if (job && at % 3 === 0) return { ...example, job: { ...job, [at % 2 === 0 ? "payload" : "type"]: value } };
  return { ...example, [names[at % names.length] ?? "x"]: value };
}

/** @returns how an answer violates the document; undefined if it conforms */
export type Judge = (
  call: DocumentedCall,
  answer: { readonly status: number; readonly headers: Headers; readonly text: string },
) => string | undefined;

export function judgeOf(document: OpenApiDocument, isOptionalHeader: (name: string) => boolean): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  formats.default(ajv);
  ajv.addSchema(document, "openapi");
  const pointer = (text: string): string => encodeURIComponent(text.replaceAll("~", "~0").replaceAll("/", "~1"));
  return ({ pattern, method, responses }, { status, headers, text }) => {
    const response = responses[status];
    if (!response) return `the status ${status} is not documented`;
    const missing = Object.keys(response.headers).filter((name) => !isOptionalHeader(name) && !headers.has(name));
    if (missing.length > 0) return `${status}: the headers ${missing.join(", ")} are missing`;
    const { content } = response;
    if (!content) return text === "" ? undefined : `${status}: an undocumented body`;
    const type = (headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
    if (!(type in content) && !("*/*" in content)) return `${status}: the Content-Type ${type} is not documented`;
    if (!type.endsWith("json") || !(type in content)) return undefined;
    const at = ["paths", pattern, method.toLowerCase(), "responses", String(status), "content", type, "schema"]
      .map(pointer)
      .join("/");
    const validate = ajv.getSchema(`openapi#/${at}`);
    if (!validate) return `${status}: there is no schema at ${at}`;
    return validate(JSON.parse(text)) === true
      ? undefined
      : `${status}: ${ajv.errorsText(validate.errors)} in ${text.slice(0, 500)}`;
  };
}
