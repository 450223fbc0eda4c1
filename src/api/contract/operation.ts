/**
 * The declaration of an API call. Routing, access, `Allow` and the OpenAPI document are all derived from it, so that
 * they cannot contradict each other.
 */
import type { TObject, TSchema } from "typebox";
import type { Scope } from "../../core/api-key.ts";

/**
 * Who may make the call: callers with a key of this scope. `any`: callers with any valid key. `public`: needs no key, but
 * is subject to protected mode. `open`: everyone, in protected mode too.
 */
export type Access = Scope | "any" | "public" | "open";

/** Whether a call needs a key if the server has any; only then do the limits of the key apply. */
export function needsKey(access: Access): access is Scope | "any" {
  return access !== "open" && access !== "public";
}

interface MediaType {
  readonly schema: TSchema;
  readonly examples?: Readonly<Record<string, unknown>>;
}

export interface OperationAnswer {
  readonly description: string;
  /** By Content-Type; absent if there is no body. */
  readonly content?: Readonly<Record<string, MediaType>>;
  /** Names of header components of the OpenAPI document. */
  readonly headers?: readonly HeaderName[];
}

/** Response headers, described in document-headers.ts. */
export type HeaderName =
  | "Location"
  | "Idempotent-Replayed"
  | "Retry-After"
  | "Allow"
  | "ETag"
  | "Last-Modified"
  | "Accept-Ranges"
  | "Content-Range"
  | "Content-Disposition"
  | "Preference-Applied"
  | "WWW-Authenticate";

export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `{name}` for parameters; path-parameters.ts describes each name. */
  readonly pattern: string;
  readonly access: Access;
  /** Unique: generated clients name their methods after it. */
  readonly id: string;
  readonly tag:
    | "Jobs"
    | "Flows"
    | "Schedules"
    | "Queues"
    | "Replicas"
    | "Health"
    | "Documentation"
    | "Dashboard"
    | "Development";
  /** Without a full stop. */
  readonly summary: string;
  readonly description?: string;
  /** Each property is a query parameter. */
  readonly query?: TObject;
  /** Each property is a request header. */
  readonly headers?: TObject;
  /** By Content-Type. */
  readonly body?: Readonly<Record<string, MediaType>>;
  /** The body may be missing. */
  readonly isBodyOptional?: true;
  /** By status; `problems` declares the errors. */
  readonly answers: Readonly<Record<number, OperationAnswer>>;
  /** The problem codes of this call, beside those of every call; problem-codes.ts describes each. */
  readonly problems?: readonly string[];
}

/** The answer 200 with JSON. */
export function ok(description: string, schema: TSchema): Readonly<Record<number, OperationAnswer>> {
  return { 200: { description, content: { "application/json": { schema } } } };
}
