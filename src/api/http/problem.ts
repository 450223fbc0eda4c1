/** Errors as problem documents (RFC 9457), each with a stable `code` for programs. */
import { STATUS_CODES } from "node:http";
import type { Rejection } from "../../core/body.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { CodedError } from "../../errors.ts";
import { publicMessageOf } from "../../observability/outage.ts";
import type { Answer } from "./exchange.ts";

/** The Retry-After of a 503 without a more precise one. */
const RETRY_AFTER_MS = 2_000;

export const PROBLEM_TYPE = "application/problem+json";

export interface ProblemExtras {
  readonly issues?: readonly ValidationIssue[];
  /** Further members of the document, such as the `id` of a job whose outcome is unknown. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly retryAfterMs?: number | undefined;
  readonly isLast?: boolean;
}

/** @param code never changes once it is published @param detail an explanation for people */
export function problem(
  status: number,
  code: string,
  detail: string,
  { issues = [], members = {}, headers = [], retryAfterMs, isLast = false }: ProblemExtras = {},
): Answer {
  const document = {
    type: "about:blank",
    title: STATUS_CODES[status],
    status,
    code,
    detail,
    ...(issues.length > 0 && { errors: issues }),
    ...members,
  };
  const retryAfter = status === 503 ? (retryAfterMs ?? RETRY_AFTER_MS) : retryAfterMs;
  return {
    status,
    contentType: PROBLEM_TYPE,
    headers: retryAfter === undefined ? headers : [...headers, ["Retry-After", String(Math.ceil(retryAfter / 1_000))]],
    body: JSON.stringify(document),
    code,
    isLast,
  };
}

/** The answer to a rejected body. */
export function problemOfRejection({ status, code, detail, issues }: Rejection): Answer {
  return problem(status, code, detail, { issues });
}

/** The answer to a request that failed with a CodedError; undefined for other errors, which callers must not see. */
export function problemOfError(error: unknown, members: ProblemExtras["members"] = {}): Answer | undefined {
  if (!(error instanceof CodedError) || error.status === 500) return undefined;
  const { status, code, retryAfterMs } = error;
  return problem(status, code, publicMessageOf(error), { members, retryAfterMs });
}

export const INTERNAL_ERROR = problem(
  500,
  "internal_error",
  "The server failed in an unexpected way. Its log has the details.",
);

export function jobNotFound(id: string): Answer {
  return problem(404, "job_not_found", `There is no job with the id ${id}.`);
}
