/** The filters by which the list, a bulk rerun and an export of the history find jobs. */
import { Type } from "typebox";
import { lowestIdAt } from "./id.ts";
import type { JobView, Status } from "./job.ts";
import type { PayloadIssue } from "./job-type.ts";
import { parseTime } from "./rfc3339.ts";

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));

/** The schemas of the filters that are compared as strings. */
export const textFilters = { type: text, tag: text, group_key: text, error_code: text };

/** A filter of bulk reruns alone. */
export const includeReplayed = Type.Boolean({
  default: false,
  description:
    "Also jobs that run another one again (`retry_of` names it): without it, repeating a replay does not run its own reruns again",
});

type Filters = Readonly<
  Partial<Record<keyof typeof textFilters | "created_after" | "created_before", string | undefined>>
>;

/** What a list, a bulk rerun or an export asks of a job; an absent or null filter passes every job. */
export interface JobFilters {
  readonly status?: Status | null | undefined;
  readonly type?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly group_key?: string | null | undefined;
  readonly error_code?: string | null | undefined;
}

/**
 * Whether a job passes every filter. The statements that filter rows mean the same (job-range.sql, job-match.sql,
 * job-history.sql).
 */
export function passesFilters(view: JobView, { status, type, tag, group_key, error_code }: JobFilters): boolean {
  return (
    (status ?? view.status) === view.status &&
    (type ?? view.type) === view.type &&
    (tag === undefined || tag === null || view.tags.includes(tag)) &&
    (group_key ?? view.group_key) === view.group_key &&
    (error_code === undefined || error_code === null || view.error?.code === error_code)
  );
}

/** @returns issues that a schema cannot express: a text that Postgres cannot store, a text that is not a time */
export function issuesOfFilters({
  type,
  tag,
  group_key,
  error_code,
  created_after,
  created_before,
}: Filters): PayloadIssue[] {
  const issues: PayloadIssue[] = [];
  for (const [name, value] of Object.entries({ type, tag, group_key, error_code })) {
    if (value?.includes("\0") === true) issues.push({ path: `/${name}`, message: "has a NUL character" });
  }
  for (const [name, time] of Object.entries({ created_after, created_before })) {
    if (time !== undefined && parseTime(time) === undefined)
      issues.push({ path: `/${name}`, message: "expected a time as in 2026-01-31T12:00:00Z (RFC 3339)" });
  }
  return issues;
}

/** What a filter by time means for ids: from this one, or below it. Undefined without a time. */
export function boundOf(time: string | undefined): string | undefined {
  const epochMs = time === undefined ? undefined : parseTime(time);
  return epochMs === undefined ? undefined : lowestIdAt(epochMs);
}
