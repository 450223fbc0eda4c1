/** `If-Match` and `If-None-Match` (RFC 9110, 13.1) of the calls that change a schedule. */
import type { ScheduleDetails } from "../../../core/schedules/schedules.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { matches, matchesStrongly } from "../../http/entity-tag.ts";
import type { Answer, RequestHeaders } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import { findSchedule, scheduleNotFound } from "./schedule-name.ts";

/** How often a change is tried again because others changed the schedule after it was read. */
const MAX_TRIES = 10;

export interface Conditions extends Partial<Pick<RequestHeaders, "ifMatch" | "ifNoneMatch">> {
  /** The call is about a schedule that exists: else the answer is 404, whatever the headers say (RFC 9110, 13.2.1). */
  readonly needsSchedule?: true;
}

export function etagOf(version: number): string {
  return `"v${version}"`;
}

/**
 * Reads a schedule, checks the conditions of the request, and makes a change of that very version; again if somebody
 * else was faster.
 * @param change resolves to `conflict` if the schedule is not what was read any more
 */
export async function changeSchedule(
  deps: Pick<ApiDependencies, "schedules">,
  name: string,
  conditions: Conditions,
  change: (current: ScheduleDetails | undefined) => Promise<Answer | "conflict">,
): Promise<Answer> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const current = await findSchedule(deps, name);
    const answer = rejectionOf(name, conditions, current?.version) ?? (await change(current));
    if (answer !== "conflict") return answer;
  }
  return problem(409, "schedule_busy", `Others change the schedule ${name} at the same time: repeat the request.`);
}

function rejectionOf(
  name: string,
  { ifMatch = "", ifNoneMatch = "", needsSchedule }: Conditions,
  version: number | undefined,
): Answer | undefined {
  const failed = (detail: string): Answer => problem(412, "precondition_failed", detail);
  if (version === undefined && needsSchedule) return scheduleNotFound(name);
  if (version === undefined)
    return ifMatch === "" ? undefined : failed(`If-Match needs a schedule, and there is none with the name ${name}.`);
  const etag = etagOf(version);
  if (ifMatch !== "" && !matchesStrongly(ifMatch, etag))
    return failed(`If-Match does not name the current ETag of the schedule ${name}, ${etag}.`);
  return matches(ifNoneMatch, etag)
    ? failed(`If-None-Match excludes the schedule ${name}, which exists with the ETag ${etag}.`)
    : undefined;
}
