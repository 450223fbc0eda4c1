/** The filters by which jobs are found: by the list, a replay, and an export of the history. */
import { Type } from "typebox";
import { lowestIdAt } from "./id.ts";
import type { PayloadIssue } from "./job-type.ts";
import { parseTime } from "./rfc3339.ts";

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));

/** The schemas of those that are compared as texts. */
export const textFilters = { type: text, tag: text, group_key: text, error_code: text };

/** Of a replay. */
export const includeReplayed = Type.Boolean({
  default: false,
  description:
    "Also jobs that run another one again (`retry_of` names it): without it, a replay repeated does not run its own copies again",
});

type Filters = Readonly<
  Partial<Record<keyof typeof textFilters | "created_after" | "created_before", string | undefined>>
>;

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
