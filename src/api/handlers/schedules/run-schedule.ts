/** `POST /api/v1/schedules/{name}/run`: the job of a schedule, now. */
import { timeOfId } from "../../../core/id.ts";
import { ownedBy } from "../../../core/ownership.ts";
import { loadCron } from "../../../core/schedules/cron.ts";
import { readDefinition } from "../../../core/schedules/definition.ts";
import type { ScheduleDetails } from "../../../core/schedules/schedules.ts";
import { submissionOf } from "../../../core/schedules/tick-job.ts";
import { ticksOfSchedule } from "../../../core/schedules/timing.ts";
import { CodedError } from "../../../errors.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { rejectionOfBody } from "../../http/empty-body.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { enqueueOne } from "../enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey, REPLAYED } from "../idempotency.ts";
import { denialOfJob } from "./job-scopes.ts";
import { findSchedule, nameOf, scheduleNotFound } from "./schedule-name.ts";

export function runSchedule(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const { queue, registry, settings, audit } = deps;
  const enqueue = enqueueOne(deps);
  return async (request) => {
    const name = nameOf(request);
    const by = callerOf(request);
    const {
      caller,
      headers: { idempotencyKey: key },
    } = request;
    const rejection = rejectionOfBody(request) ?? (key === undefined || isIdempotencyKey(key) ? undefined : BAD_KEY);
    if (rejection) return rejection;
    const schedule = await findSchedule(deps, name);
    if (!schedule) return scheduleNotFound(name);
    const definition = readDefinition(schedule.definition);
    const denial = denialOfJob(caller, definition.job, registry);
    if (denial) return denial;
    await loadCron();
    const id = queue.ids.next();
    // A repeat with the same key gets the id of the first job, whose time names the same run
    const tick = timeOfId(id);
    const previousTick = ticksOfSchedule(definition, name).last(-Infinity, tick - 1);
    const made = submissionOf(
      definition,
      { name, tick, previousTick, apiKey: null },
      { typeOf: registry.get, durability: settings.durability },
    );
    if ("issues" in made) return notRunnable(name, made.issues);
    const submission = ownedBy(made.submission, caller?.id);
    const idempotency =
      key === undefined
        ? undefined
        : idempotencyOf(key, caller?.id, "schedule_run", Buffer.from(name), settings.idempotencyTtlMs);
    const answer = await enqueue(request, { id, submission, idempotency, otherUse: "to run another schedule" });
    if (answer.status !== 202) return answer;
    const { id: jobId } = JSON.parse(answer.body as string) as { readonly id: string };
    await addRun(deps, schedule, jobId);
    if (!isReplayed(answer)) audit.record({ ...by, action: "schedules.run", target: name, jobId });
    return answer;
  };
}

function notRunnable(name: string, [issue]: readonly { readonly path: string; readonly message: string }[]): Answer {
  const reason = issue ? `: ${issue.path} ${issue.message}` : "";
  return problem(409, "schedule_not_runnable", `The job of the schedule ${name} is not valid any more${reason}.`);
}

export function isReplayed({ headers }: Answer): boolean {
  return headers?.some(([name]) => name === REPLAYED[0]) ?? false;
}

/** Adds the run to the history. The job is accepted already, so the answer does not depend on it. */
async function addRun({ schedules, log }: ApiDependencies, schedule: ScheduleDetails, jobId: string): Promise<void> {
  const at = timeOfId(jobId);
  // the key of the request was used for a schedule of the same name that was deleted since
  if (at < schedule.createdAt) return;
  const { id, name, version } = schedule;
  const run = { schedule: id, name, version, tick: at, reason: null, jobId, at, ticks: 1 };
  try {
    await schedules.addRuns([{ ...run, kind: "manual", outcome: "fired" }]);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    log.warn({ error, schedule: name, job: jobId }, "a run of a schedule was not added to its history");
  }
}
