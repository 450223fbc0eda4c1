/** What a job did from its acceptance to its end, as pieces of time without gaps. */
import type { Attempt, Job } from "../../../client/taskflow.ts";
import { durationText } from "../../parts/format.ts";

export interface Piece {
  /**
   * `held`: for other jobs of its flow. `delayed`: before its time to start. `waited`: for a free slot. `pause`: between
   * two attempts.
   */
  readonly kind: "held" | "delayed" | "waited" | "ran" | "pause";
  /** Epoch ms. */
  readonly from: number;
  readonly to: number;
  /** The attempt that ran, or that the job waited for. */
  readonly attempt: number;
  /** Only of an attempt that ran. */
  readonly outcome: Attempt["outcome"] | undefined;
}

type TimedJob = Pick<
  Job,
  "status" | "created_at" | "run_at" | "finished_at" | "flow_id" | "batch_id" | "attempt" | "error"
>;

/** The errors of jobs that ended because of other jobs, before they could start. */
const NEVER_FREE = ["dependency_failed", "not_needed"];

/** Whether the job waited for other jobs until it ended, or still does. */
function isHeld({ status, attempt, error }: TimedJob): boolean {
  return status === "waiting" || (attempt === 0 && error !== null && NEVER_FREE.includes(error.code));
}

/** @param now epoch ms, at which the last piece of an unfinished job ends */
export function timelineOf(job: TimedJob, attempts: readonly Attempt[], now: number): Piece[] {
  const pieces: Piece[] = [];
  let at = Date.parse(job.created_at);
  let next = 1;
  const isMember = job.flow_id !== null || job.batch_id !== null;
  const first = isMember && job.run_at === null ? "held" : "delayed";
  const add = (kind: Piece["kind"], to: number, outcome?: Attempt["outcome"]): void => {
    // the clocks of Redis and of the replicas differ by a few milliseconds, so an end may be before its start
    const end = Math.max(at, to);
    if (end > at || kind === "ran") pieces.push({ kind, from: at, to: end, attempt: next, outcome });
    at = end;
  };
  const waitUntil = (due: number, to: number): void => {
    add(pieces.some(({ kind }) => kind === "ran") ? "pause" : first, Math.min(due, to));
    add("waited", to);
  };
  for (const { number, started_at, waited_ms, ran_ms, outcome } of attempts) {
    next = number;
    const startedAt = Date.parse(started_at);
    waitUntil(startedAt - waited_ms, startedAt);
    add("ran", ran_ms === null ? now : startedAt + ran_ms, outcome);
    next = number + 1;
  }
  const end = job.finished_at === null ? now : Date.parse(job.finished_at);
  const runAt = job.run_at === null ? at : Date.parse(job.run_at);
  if (isHeld(job)) add("held", end);
  else if (job.status === "scheduled" || job.status === "retrying") waitUntil(end, end);
  else if (job.status !== "running") waitUntil(Math.max(at, runAt), end);
  return pieces;
}

/** A short text for each piece: `waited 1.2 s for a free slot`. */
export function pieceText({ kind, from, to, attempt, outcome }: Piece): string {
  const duration = durationText(to - from);
  switch (kind) {
    case "held":
      return `waited ${duration} for other jobs`;
    case "delayed":
      return `not due for ${duration}`;
    case "waited":
      return `waited ${duration} for a free slot`;
    case "pause":
      return `waited ${duration} to try again`;
    case "ran":
      return `attempt ${attempt} ran ${duration}: ${outcome === "retry" ? "failed, to be tried again" : (outcome ?? "")}`;
  }
}

/** The share of the width that even the shortest piece has. */
const LEAST = 0.008;

/** Where each piece begins and how wide it is, as shares of the whole width. Short pieces have a minimum width. */
export function scaled(pieces: readonly Piece[]): { readonly x: number; readonly width: number }[] {
  const total = pieces.reduce((sum, { from, to }) => sum + (to - from), 0);
  const least = Math.min(LEAST, 0.5 / Math.max(1, pieces.length));
  const rest = 1 - least * pieces.length;
  let x = 0;
  return pieces.map(({ from, to }) => {
    const width = least + (total === 0 ? 0 : ((to - from) / total) * rest);
    x += width;
    return { x: x - width, width };
  });
}
