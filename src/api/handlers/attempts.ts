/** `GET /api/v1/jobs/{id}/attempts`: the attempts of a job, including the running one. */
import type { AttemptRecord, Job, JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound } from "../http/problem.ts";
import type { FoundJob } from "../jobs/find-job.ts";
import { findJob } from "../jobs/find-job.ts";
import { idOf } from "./jobs.ts";

/** An attempt that has a record, or is running. */
type Attempted = Omit<AttemptRecord, "outcome" | "finished_at" | "result"> & {
  readonly outcome: AttemptRecord["outcome"] | "running";
  readonly finished_at: number | null;
};

export function getAttempts({ queue, store }: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const id = idOf(request);
    const found = await findJob(store, id, { inRedis: async () => (await queue.readHeaders([id]))[0] });
    return found ? json(200, JSON.stringify({ attempts: await attemptsAt(found, store) })) : jobNotFound(id);
  };
}

async function attemptsAt(found: FoundJob<Job>, store: Pick<ApiDependencies["store"], "attempts">): Promise<unknown[]> {
  switch (found.source) {
    case "redis":
      return liveAttempts(viewOf(found.live), found.live.history);
    case "postgres":
      return finishedAttempts(found.row, await store.attempts(found.row.id));
    case "accepted":
      return []; // no replica has claimed the job yet
  }
}

/** The attempts of a job in Redis: its history contains all but the running one. */
function liveAttempts(view: JobView, history: readonly string[]): unknown[] {
  const { attempt, worker, started_at } = view;
  const running: Attempted[] =
    view.status === "running" ? [{ attempt, outcome: "running", worker, started_at, finished_at: null }] : [];
  return attemptsOf(view, [...history.map((record) => JSON.parse(record) as AttemptRecord), ...running]);
}

/** The attempts of a job in Postgres: if the last one has no record, the row contains its outcome. */
function finishedAttempts(view: JobView, recordJsons: readonly string[]): unknown[] {
  const records: Attempted[] = recordJsons.map((json) => JSON.parse(json) as AttemptRecord);
  const { attempt, status, worker, started_at, finished_at, error } = view;
  const isRecorded = isFinished(records.at(-1)?.outcome ?? "running");
  const outcome = status as AttemptRecord["outcome"]; // all jobs in Postgres have finished
  return attemptsOf(
    view,
    isRecorded ? records : [...records, { attempt, outcome, worker, started_at, finished_at, ...(error && { error }) }],
  );
}

function attemptsOf({ created_at, run_at }: JobView, attempts: readonly Attempted[]): unknown[] {
  let readyAt = Math.max(created_at, run_at ?? 0);
  return attempts.flatMap(
    ({ attempt, worker, thread = null, started_at, finished_at, outcome, error = null, log = [], next_at }) => {
      if (started_at === null) return []; // the job was cancelled while it waited
      const waitedMs = Math.max(0, started_at - readyAt);
      readyAt = next_at ?? finished_at ?? 0;
      return [
        {
          number: attempt,
          replica: worker,
          thread,
          waited_ms: waitedMs,
          ran_ms: finished_at === null ? null : Math.max(0, finished_at - started_at),
          outcome,
          error,
          log,
          started_at: formatTime(started_at),
          finished_at: finished_at === null ? null : formatTime(finished_at),
        },
      ];
    },
  );
}
