/**
 * A call of the API as it is declared, once. Routing, access, `Allow` and the OpenAPI document all come from it, so that
 * none of them can say something else than the others.
 */
import type { TObject, TSchema } from "typebox";
import type { Scope } from "../../core/api-key.ts";

/**
 * Who is answered: bearers of a key with this scope; `public`: whoever would be served without keys as well (protected
 * mode holds); `open`: everyone, in protected mode too.
 */
export type Access = Scope | "public" | "open";

/** Whether a call needs a key, where the server has any; only then do the limits of one apply. */
export function needsKey(access: Access): access is Scope {
  return access !== "open" && access !== "public";
}

export interface MediaType {
  readonly schema: TSchema;
  readonly examples?: Readonly<Record<string, unknown>>;
}

export interface OperationAnswer {
  readonly description: string;
  /** By Content-Type; absent where there is no body. */
  readonly content?: Readonly<Record<string, MediaType>>;
  /** Names of those in the document's components. */
  readonly headers?: readonly HeaderName[];
}

/** Headers of answers, described in headers.ts. */
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
  readonly method: "GET" | "POST" | "DELETE";
  /** With `{name}` for the parts that a path leaves open; path-parameters.ts describes each name. */
  readonly pattern: string;
  readonly access: Access;
  /** What generated clients name their method after: unique. */
  readonly id: string;
  readonly tag: "Jobs" | "Queues" | "Replicas" | "Health" | "Documentation" | "Development";
  /** Without a full stop. */
  readonly summary: string;
  readonly description?: string;
  /** Each property is a parameter of the query. */
  readonly query?: TObject;
  /** Each property is a header of the request. */
  readonly headers?: TObject;
  /** By Content-Type. */
  readonly body?: Readonly<Record<string, MediaType>>;
  /** A request may come without its body. */
  readonly isBodyOptional?: true;
  /** By status; refusals are told by `problems`. */
  readonly answers: Readonly<Record<number, OperationAnswer>>;
  /** The codes of the refusals that this call knows beside those of every call; problem-codes.ts describes each. */
  readonly problems?: readonly string[];
}
