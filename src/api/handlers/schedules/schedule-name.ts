/** The schedule that the path of a request names. */
import { at } from "../../../core/at.ts";
import { isScheduleName } from "../../../core/schedules/name.ts";
import type { ScheduleDetails } from "../../../core/schedules/schedules.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";

/** The name, decoded. Schedules may have no such name. */
export function nameOf({ params }: Pick<ApiRequest, "params">): string {
  const encoded = at(params, 0);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded; // the percent sign makes it invalid
  }
}

/** Undefined too for a text that cannot be a name. Rejects with `store_unavailable` while Postgres is away. */
export function findSchedule(
  { schedules }: Pick<ApiDependencies, "schedules">,
  name: string,
): Promise<ScheduleDetails | undefined> {
  return isScheduleName(name) ? schedules.get(name) : Promise.resolve(undefined);
}

export function scheduleNotFound(name: string): Answer {
  return problem(404, "schedule_not_found", `There is no schedule with the name ${name}.`);
}
