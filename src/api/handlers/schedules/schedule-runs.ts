/** `GET /api/v1/schedules/{name}/runs`: the outcomes of the ticks of a schedule, newest first. */
import { invalid } from "../../../core/body.ts";
import { isId } from "../../../core/id.ts";
import type { Status } from "../../../core/job.ts";
import { formatTime } from "../../../core/rfc3339.ts";
import type { ScheduleRun } from "../../../core/schedules/schedule.ts";
import { RUN_KINDS } from "../../../core/schedules/schedule.ts";
import type { RunPosition } from "../../../core/schedules/schedules.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { readQuery } from "../list-parameters.ts";
import { jobStatuses } from "./job-statuses.ts";
import { findSchedule, nameOf, scheduleNotFound } from "./schedule-name.ts";

/** The kind, the tick in epoch ms, and the id of the job, if there is one. */
const CURSOR = /^([a-z]+)_(\d{1,15})(?:_([0-9a-f-]{36}))?$/;

export function listScheduleRuns(
  deps: Pick<ApiDependencies, "schedules" | "queue" | "store">,
): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const name = nameOf(request);
    const { issues, params, limit } = readQuery(request.query);
    const cursor = params.get("cursor");
    const after = cursor === null ? undefined : positionOf(cursor);
    if (cursor !== null && !after) issues.push({ path: "/cursor", message: "expected the next_cursor of a page" });
    if (issues.length > 0) return problemOfRejection(invalid(issues).rejection);
    const schedule = await findSchedule(deps, name);
    if (!schedule) return scheduleNotFound(name);
    const found = await deps.schedules.runs(schedule, { limit: limit + 1, ...(after && { after }) });
    const page = found.slice(0, limit);
    const statuses = await jobStatuses(
      deps,
      page.flatMap(({ jobId }) => jobId ?? []),
    );
    const last = page.at(-1);
    return json(
      200,
      JSON.stringify({
        runs: page.map((run) => runFields(run, statuses)),
        next_cursor: last && found.length > page.length ? cursorOf(last) : null,
      }),
    );
  };
}

function runFields(run: ScheduleRun, statuses: ReadonlyMap<string, Status>): object {
  const { tick, outcome, reason, kind, version, jobId, at, ticks } = run;
  return {
    tick: formatTime(tick),
    outcome,
    reason,
    kind,
    version,
    job_id: jobId,
    job_status: statuses.get(jobId ?? "") ?? null,
    at: formatTime(at),
    ticks,
  };
}

function cursorOf({ kind, tick, jobId }: RunPosition): string {
  return [kind, tick, ...(jobId === null ? [] : [jobId])].join("_");
}

function positionOf(cursor: string): RunPosition | undefined {
  const [, name, tick, jobId = null] = CURSOR.exec(cursor) ?? [];
  const kind = RUN_KINDS.find((each) => each === name);
  return kind === undefined || (jobId !== null && !isId(jobId)) ? undefined : { kind, tick: Number(tick), jobId };
}
