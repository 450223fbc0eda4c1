/** `DELETE /api/v1/schedules/{name}`, with `cancel_jobs=true` also of its waiting jobs. */
import { invalid } from "../../../core/body.ts";
import type { StoredSchedule } from "../../../core/schedules/schedule.ts";
import type { RunPosition } from "../../../core/schedules/schedules.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { flagOf, readParameters } from "../list-parameters.ts";
import { changeSchedule } from "./precondition.ts";
import { nameOf, scheduleNotFound } from "./schedule-name.ts";

/** Runs of one read, and their jobs in one call to Redis. */
const MAX_CHUNK = 200;
/** The runs whose jobs are looked at, newest first: bounds the work. */
const MAX_RUNS = 100_000;
const WAITING: readonly string[] = ["scheduled", "queued", "retrying"];

type DeleteDependencies = Pick<
  ApiDependencies,
  "schedules" | "queue" | "audit" | "settings" | "callbackOf" | "cancelWaiting"
>;

export function deleteSchedule(deps: DeleteDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const name = nameOf(request);
    const by = callerOf(request);
    const { issues, params } = readParameters(request.query, ["cancel_jobs"]);
    const cancelsJobs = flagOf(params, "cancel_jobs", issues);
    if (issues.length > 0) return problemOfRejection(invalid(issues).rejection);
    const conditions = { ifMatch: request.headers.ifMatch, needsSchedule: true } as const;
    let cancelled = 0;
    return changeSchedule(deps, name, conditions, async (current) => {
      if (!current) return scheduleNotFound(name);
      // before the removal, so that the call can be repeated if it fails half-way
      if (cancelsJobs) cancelled += await cancelJobs(deps, current);
      const removed = await deps.schedules.remove(name, current.version);
      if (removed === "conflict") return "conflict";
      if (!removed) return scheduleNotFound(name);
      // after it, for the ticks that fired meanwhile
      if (cancelsJobs) cancelled += await cancelJobs(deps, removed);
      const count = cancelsJobs ? { count: cancelled } : {};
      deps.audit.record({ ...by, action: "schedules.delete", target: name, ...count });
      return json(200, JSON.stringify({ name, cancelled_jobs: cancelled }));
    });
  };
}

/** Cancels the jobs of a schedule's runs that wait. @returns how many were cancelled */
async function cancelJobs(deps: DeleteDependencies, schedule: StoredSchedule): Promise<number> {
  let cancelled = 0;
  let after: RunPosition | undefined;
  for (let examined = 0; examined < MAX_RUNS; examined += MAX_CHUNK) {
    const runs = await deps.schedules.runs(schedule, { limit: MAX_CHUNK, ...(after && { after }) });
    const ids = runs.flatMap(({ jobId }) => jobId ?? []);
    if (ids.length > 0) cancelled += await cancelWaitingJobs(deps, ids);
    after = runs.at(-1);
    if (runs.length < MAX_CHUNK) break;
  }
  return cancelled;
}

async function cancelWaitingJobs(
  { queue, settings, callbackOf, cancelWaiting }: DeleteDependencies,
  ids: readonly string[],
): Promise<number> {
  const waiting = (await queue.readHeaders(ids)).filter(({ status }) => WAITING.includes(status));
  if (waiting.length === 0) return 0;
  const answers = await queue.cancelMany(
    waiting.map(({ id }) => ({ id })),
    settings.outboxOwnedMs,
    callbackOf,
  );
  for (const answer of answers)
    if (answer.kind === "cancelled" || answer.kind === "withdrawn") cancelWaiting(answer.job, answer.kind);
  return answers.filter(({ kind }) => kind === "cancelled").length;
}
