/**
 * The job history as a source: the finished jobs in Postgres. Waiting and running jobs are only in Redis, so they are
 * not included.
 */
import pg from "pg";
import { type Static, Type } from "typebox";
import { HIGHEST_ID, LOWEST_ID } from "../../core/id.ts";
import type { JobError, JobView } from "../../core/job.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import type { JobSelection } from "../../core/job-filters.ts";
import { filterSchemas, issuesOfFilters, payloadFilterSchemas, readFilters } from "../../core/job-filters.ts";
import type { PayloadIssue, Services } from "../../core/job-type.ts";
import { needsPayload, passesSearch } from "../../core/payload-search.ts";
import { redactWhole } from "../../core/redaction.ts";
import { filterSql } from "../../postgres/job-filters-sql.ts";
import type { RowRules } from "./query-source.ts";

export const jobFilters = Type.Object(filterSchemas, {
  additionalProperties: false,
  patternProperties: payloadFilterSchemas,
  description: "The filters of the list of jobs. Finished jobs alone, newest first, secrets redacted.",
});
type HistoryFilters = Static<typeof jobFilters>;

export function issuesOfHistory(filters: HistoryFilters): PayloadIssue[] {
  return issuesOfFilters(filters, TERMINAL_STATUSES);
}

/**
 * The rules for the rows of a history: payloads are always redacted, and filters see them redacted.
 * @throws Error for filters with issues
 */
export function jobHistoryRules(
  members: HistoryFilters,
  { redactPayload = redactWhole }: Pick<Services, "redactPayload"> = {},
): RowRules {
  const { filters } = selectionOf(members);
  const columns = ["payload", "error"];
  return {
    redactions: new Map([["payload", { by: "type", redact: redactPayload }]]),
    ...(needsPayload(filters) && {
      check: {
        columns,
        passes: ([payload, error]) => passesSearch({ payload: payload ?? "", message: messageOf(error) }, filters),
      },
    }),
  };
}

function messageOf(error: string | null | undefined): string | null {
  return error ? (JSON.parse(error) as JobError).message : null;
}

/**
 * The query of the jobs that pass the filters; times are a half-open range, as in the API's job list.
 * @throws Error for filters with issues
 */
export function jobHistoryQuery(members: HistoryFilters): string {
  const { filters, from = LOWEST_ID, below = HIGHEST_ID } = selectionOf(members);
  return `select ${SELECTED} from jobs
where id >= '${from}' and id < '${below}' and ${filterSql(filters, literalOf)}
order by id desc`;
}

/**
 * Each field of a job as a column of the history, in the order of the columns; null for one that is left out. The type
 * requires an entry for each field of JobView.
 */
const COLUMNS = {
  id: "id",
  type: "type",
  status: "status",
  priority: "priority",
  durability: "durability",
  group_key: "group_key",
  payload: "payload",
  result: "result",
  error: "error",
  attempt: "attempt",
  max_attempts: "max_attempts",
  tags: "to_json(tags)",
  retry_of: "retry_of",
  flow_id: "case when options -> 'flow' ->> 'batch' is null then (options -> 'flow' ->> 'id')::uuid end",
  batch_id: "case when options -> 'flow' ->> 'batch' is not null then (options -> 'flow' ->> 'id')::uuid end",
  node: "options -> 'flow' ->> 'node'",
  worker: "worker",
  run_at: "run_at",
  created_at: "created_at",
  started_at: "started_at",
  finished_at: "finished_at",
  progress: null, // only running jobs have it
  schedule: null,
  expires_at: null,
  erased_at: null,
} as const satisfies { readonly [Name in keyof JobView]: string | null };

const SELECTED = Object.entries(COLUMNS)
  .flatMap(([name, sql]) => (sql === null ? [] : [sql === name ? name : `${sql} as ${name}`]))
  .join(", ");

function selectionOf(members: HistoryFilters): JobSelection {
  const selection = readFilters(members, TERMINAL_STATUSES);
  if ("issues" in selection) throw new Error("the filters of an export are checked when it is submitted");
  return selection;
}

function literalOf(value: string | number | readonly string[]): string {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? pg.escapeLiteral(value) : `array[${value.map(pg.escapeLiteral).join(", ")}]`;
}
