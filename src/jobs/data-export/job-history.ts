/**
 * The job history as a source: the finished jobs in Postgres. Waiting and running jobs are only in Redis, so they are
 * not included.
 */
import { readFileSync } from "node:fs";
import pg from "pg";
import { type Static, Type } from "typebox";
import { HIGHEST_ID, LOWEST_ID } from "../../core/id.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import { boundOf, textFilters } from "../../core/job-filters.ts";
import { redactPayload } from "../../core/redaction.ts";
import type { Redactions } from "./query-source.ts";
import { bindParameters } from "./query-text.ts";

const SQL = readFileSync(new URL("./job-history.sql", import.meta.url), "utf8");

const time = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));

export const jobFilters = Type.Object(
  {
    status: Type.Optional(Type.Enum([...TERMINAL_STATUSES])),
    ...textFilters,
    created_after: time,
    created_before: time,
  },
  {
    additionalProperties: false,
    description: "The filters of the list of jobs. Finished jobs alone, newest first, secrets redacted.",
  },
);
type HistoryFilters = Static<typeof jobFilters>;

/** The parts of the history that are always redacted. */
export const JOB_REDACTIONS: Redactions = new Map([["payload", { by: "type", redact: redactPayload }]]);

/** The query of the jobs that pass the filters; times are a half-open range, as in the API's job list. */
export function jobHistoryQuery({ created_after, created_before, ...filters }: HistoryFilters): string {
  const none = { status: null, type: null, tag: null, group_key: null, error_code: null };
  const bounds = { from: boundOf(created_after) ?? LOWEST_ID, below: boundOf(created_before) ?? HIGHEST_ID };
  return bindParameters(SQL, { ...none, ...filters, ...bounds }, pg.escapeLiteral);
}
