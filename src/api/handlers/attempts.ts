/** `GET /api/v1/jobs/{id}/attempts`: what became of each attempt at a job, the one that runs included. */
import type { AttemptRecord, Job, JobView } from "../../core/job.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import { viewOf } from "../../core/job-view.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound } from "../http/problem.ts";
import type { FoundJob } from "../jobs/find-job.ts";
import { findJob } from "../jobs/find-job.ts";
import { idOf } from "./jobs.ts";

/** A record; or an attempt that runs. */
type Tried = Omit<AttemptRecord, "outcome" | "finished_at" | "result"> & {
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
  switch (found.place) {
    case "redis":
      return liveAttempts(viewOf(found.live), found.live.history);
    case "postgres":
      return finishedAttempts(found.row, await store.attempts(found.row.id));
    case "accepted":
      return []; // no replica has claimed it yet
  }
}

/** Of a job in Redis: its history tells all but what runs. */
function liveAttempts(view: JobView, history: readonly string[]): unknown[] {
  const { attempt, worker, started_at } = view;
  const running: Tried[] =
    view.status === "running" ? [{ attempt, outcome: "running", worker, started_at, finished_at: null }] : [];
  return attemptsOf(view, [...history.map((record) => JSON.parse(record) as AttemptRecord), ...running]);
}

/** Of a job in Postgres: where its last attempt left no record of its own, the row tells what became of it. */
function finishedAttempts(view: JobView, texts: readonly string[]): unknown[] {
  const records: Tried[] = texts.map((text) => JSON.parse(text) as AttemptRecord);
  const { attempt, status, worker, started_at, finished_at, error } = view;
  const isReported = TERMINAL_STATUSES.some((terminal) => terminal === records.at(-1)?.outcome);
  const outcome = status as AttemptRecord["outcome"]; // rows are of finished jobs
  return attemptsOf(
    view,
    isReported ? records : [...records, { attempt, outcome, worker, started_at, finished_at, ...(error && { error }) }],
  );
}

function attemptsOf({ created_at, run_at }: JobView, tried: readonly Tried[]): unknown[] {
  let readyAt = Math.max(created_at, run_at ?? 0);
  return tried.flatMap(
    ({ attempt, worker, thread = null, started_at, finished_at, outcome, error = null, log = [], next_at }) => {
      if (started_at === null) return []; // cancelled while it waited: no attempt
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
