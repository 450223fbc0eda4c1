/** The job history as a source: finished jobs, as Postgres holds them. What still waits or runs is in Redis and left out. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { Type, type Static } from "typebox";
import { lowestIdAt } from "../core/id.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { PayloadFault } from "../core/job-type.ts";
import { redactPayload } from "../core/redaction.ts";
import { parseTime } from "../core/rfc3339.ts";
import type { Redactions } from "./query-source.ts";
import { bindParameters } from "./query-text.ts";

const SQL = readFileSync(new URL("./job-history.sql", import.meta.url), "utf8");
const LOWEST_ID = "00000000-0000-0000-0000-000000000000";
const HIGHEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));

export const jobFilters = Type.Object(
  { status: Type.Optional(Type.Enum([...TERMINAL_STATUSES])), type: text, tag: text, group_key: text, error_code: text, created_after: text, created_before: text },
  { additionalProperties: false, description: "The filters of the list of jobs. Finished jobs alone, newest first, secrets redacted." },
);
export type JobFilters = Static<typeof jobFilters>;

/** What of the history is never shown. */
export const JOB_REDACTIONS: Redactions = new Map([["payload", redactPayload]]);

/** @returns the faults of filters that are valid by the schema */
export function faultsOfFilters({ created_after, created_before, ...texts }: JobFilters): PayloadFault[] {
  const faults: PayloadFault[] = Object.entries(texts)
    .filter(([, value]) => value.includes("\0"))
    .map(([name]) => ({ path: `/${name}`, message: "has a NUL character" }));
  for (const [name, time] of Object.entries({ created_after, created_before })) {
    if (time !== undefined && parseTime(time) === undefined) faults.push({ path: `/${name}`, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
  }
  return faults;
}

/** The query of the jobs that pass the filters; times are a half-open range, as in the list. */
export function jobHistoryQuery({ created_after, created_before, ...filters }: JobFilters): string {
  const none = { status: null, type: null, tag: null, group_key: null, error_code: null };
  const bounds = { from: idAt(created_after, LOWEST_ID), below: idAt(created_before, HIGHEST_ID) };
  return bindParameters(SQL, { ...none, ...filters, ...bounds }, pg.escapeLiteral);
}

function idAt(time: string | undefined, otherwise: string): string {
  const epochMs = time === undefined ? undefined : parseTime(time);
  return epochMs === undefined ? otherwise : lowestIdAt(epochMs);
}
