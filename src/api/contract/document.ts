/**
 * The OpenAPI 3.1 document, generated from the declared operations and the schemas of the job types, so that it cannot
 * differ from what the server does.
 */
import type { TObject, TSchema } from "typebox";
import type { Scope } from "../../core/api-key.ts";
import type { Registry } from "../../jobs/registry.ts";
import { HEADERS, headersOf } from "./document-headers.ts";
import { documentSchemas } from "./document-schemas.ts";
import type { Operation } from "./operation.ts";
import { needsKey } from "./operation.ts";
import { PATH_PARAMETERS } from "./path-parameters.ts";
import { PROBLEM_CODES } from "./problem-codes.ts";

type Json = Record<string, unknown>;

export interface DocumentOptions {
  readonly operations: readonly Operation[];
  readonly registry: Registry;
  readonly version: string;
  /** The base of all paths; may be relative to the URL of the document. */
  readonly serverUrl: string;
}

const DESCRIPTION = [
  "Background jobs over REST. JSON in snake_case, times in RFC 3339 and UTC, ids are UUIDv7.",
  "Errors are problem documents (RFC 9457) with a stable `code`; if fields of the request are invalid, `errors` lists all of them. A request that fails has changed nothing, with one exception: after a 503 with `code: outcome_unknown` it may or may not have taken effect.",
  "Every GET path supports HEAD. OPTIONS lists the methods of a path; any other method gets 405 with `Allow`. The server ignores a body or an `Idempotency-Key` that a call does not list. It adopts the `X-Request-Id` of a request; every response has one.",
  "Later versions add fields and calls; existing ones do not change.",
].join("\n\n");

const TAGS = [
  "Jobs",
  "Flows",
  "Schedules",
  "Queues",
  "Replicas",
  "Health",
  "Documentation",
  "Dashboard",
  "Development",
];

export function openApiDocument({ operations, registry, version, serverUrl }: DocumentOptions): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = (paths[operation.pattern] ??= {});
    path[operation.method.toLowerCase()] = operationObject(operation, registry);
  }
  const used = new Set(operations.map(({ tag }) => tag));
  return {
    openapi: "3.1.0",
    info: { title: "TaskFlow", version, description: DESCRIPTION, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: serverUrl, description: "This server" }],
    tags: TAGS.filter((name) => used.has(name as Operation["tag"])).map((name) => ({ name })),
    paths,
    components: {
      schemas: documentSchemas(registry),
      headers: HEADERS,
      securitySchemes: {
        ApiKey: {
          type: "http",
          scheme: "bearer",
          description:
            "An API key (`TASKFLOW_API_KEYS`, or `taskflow keys create`). Not needed if the server has no keys",
        },
      },
    },
  };
}

function operationObject(operation: Operation, registry: Registry): Json {
  const { id, tag, summary, description, access, body } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...((description !== undefined || needsKey(access)) && {
      description: [description, needsKey(access) ? scopeText(access) : undefined]
        .filter((text) => text !== undefined)
        .join("\n\n"),
    }),
    parameters: parametersOf(operation),
    ...(body && {
      requestBody: {
        required: operation.isBodyOptional !== true,
        content: Object.fromEntries(
          Object.entries(body).map(([type, media]) => [type, { ...media, ...examplesOf(media.schema, registry) }]),
        ),
      },
    }),
    responses: responsesOf(operation),
    security: needsKey(access) ? [{ ApiKey: access === "any" ? [] : [access] }] : [],
  };
}

function scopeText(access: Scope | "any"): string {
  return access === "any" ? "Needs an API key, of any scope." : `Scope: \`${access}\`.`;
}

function parametersOf({ pattern, query, headers }: Operation): Json[] {
  const inPath = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: PATH_PARAMETERS[name] ?? { type: "string" },
  }));
  return [...inPath, ...parametersIn("query", query), ...parametersIn("header", headers)];
}

function parametersIn(location: "query" | "header", schemas: TObject | undefined): Json[] {
  if (!schemas) return [];
  const { required = [] } = schemas as { readonly required?: readonly string[] };
  return Object.entries(schemas.properties).map(([name, schema]) => {
    const { description } = schema as { readonly description?: string };
    return {
      name,
      in: location,
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema,
    };
  });
}

/** The example payloads of each job type, as complete requests. */
function examplesOf(schema: TSchema, registry: Registry): Json {
  if ((schema as { readonly $ref?: string }).$ref !== "#/components/schemas/Submission") return {};
  const examples = registry.types.flatMap(({ type, definition }) => {
    const { examples: payloads = [] } = definition.payload as { readonly examples?: readonly unknown[] };
    return payloads.map((payload, i) => [i === 0 ? type : `${type}-${i + 1}`, { value: { type, payload } }] as const);
  });
  return { examples: Object.fromEntries(examples) };
}

function responsesOf(operation: Operation): Json {
  const responses: Record<string, Json> = {};
  for (const [status, { description, content = {}, headers = [] }] of Object.entries(operation.answers)) {
    responses[status] = {
      description,
      ...(Object.keys(content).length > 0 && { content: { ...content } }),
      headers: headersOf(operation, headers),
    };
  }
  const byStatus = new Map<number, string[]>();
  for (const code of codesOf(operation)) {
    const status = PROBLEM_CODES[code]?.status ?? 500;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of byStatus) {
    const known = responses[status] as { readonly description?: string; readonly content?: Json } | undefined;
    const meanings = codes.map((code) => `\`${code}\`: ${PROBLEM_CODES[code]?.meaning ?? ""}`).join(". ");
    responses[status] = {
      description: known ? `${String(known.description)}. ${meanings}` : meanings,
      content: { ...known?.content, "application/problem+json": { schema: problemSchema(codes, status) } },
      headers: headersOf(operation, [
        ...(status === 401 || codes.includes("scope_missing") ? ["WWW-Authenticate" as const] : []),
        ...(status === 503 || status === 429 ? ["Retry-After" as const] : []),
      ]),
    };
  }
  return responses;
}

function problemSchema(codes: readonly string[], status: number): Json {
  return {
    allOf: [
      { $ref: "#/components/schemas/Problem" },
      { type: "object", properties: { status: { const: status }, code: { enum: codes } } },
    ],
  };
}

const EVERY_CALL = [
  "content_length_invalid",
  "transfer_encoding_invalid",
  "host_invalid",
  "headers_too_large",
  "internal_error",
];
const WITH_BODY = ["body_too_large", "unsupported_content_encoding", "overloaded"];
const WITHOUT_KEYS = ["protected_mode", "cross_origin", "host_not_allowed"];
const WITH_KEYS = ["key_missing", "key_invalid", "rate_limited"];

/** The problem codes of a call: its own, and those that its access and its body imply. */
function codesOf({ access, body, problems = [] }: Operation): string[] {
  const ofAccess = [
    ...(access === "open" ? [] : WITHOUT_KEYS),
    ...(needsKey(access) ? WITH_KEYS : []),
    ...(needsKey(access) && access !== "any" ? ["scope_missing"] : []),
  ];
  return [
    ...new Set([
      ...problems,
      ...ofAccess,
      ...(body ? WITH_BODY : []),
      ...(body && access === "submit" ? ["quota_exceeded"] : []),
      ...EVERY_CALL,
    ]),
  ];
}
