/** Bulk operations on this replica: finds jobs by filters, and acts on them. Uses queue, store and recorder. */
import { liveMatches } from "../api/jobs/live-jobs.ts";
import { Turns } from "../concurrency/turns.ts";
import type { Bulk, BulkAction, BulkOperationOptions, Rechecked } from "../core/bulk.ts";
import { BULK_STATUSES } from "../core/bulk.ts";
import type { CallbackOf, Job, Status } from "../core/job.ts";
import type { JobSelection } from "../core/job-filters.ts";
import { readFilters } from "../core/job-filters.ts";
import type { Acted } from "../core/reruns.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";
import type { Store } from "../results/store.ts";
import { liveMatching } from "./live-scan.ts";
import { RerunCharges } from "./rerun-charges.ts";

/** The wait for a recorder that is full. It writes thousands of rows a second. */
const RECORDER_WAIT_MS = 20;

export interface BulkParts {
  readonly queue: Pick<Queue, "liveIds" | "liveCount" | "readHeaders" | "read" | "payload" | "cancel" | "take">;
  readonly store: Pick<Store, "states">;
  readonly recorder: { readonly isFull: boolean };
  readonly callbackOf: CallbackOf;
  /** Records a job that was cancelled while it waited. */
  readonly cancelWaiting: (job: Job, kind: "cancelled" | "withdrawn") => void;
}

export function bulkOf(parts: BulkParts): Bulk {
  const turns = new Turns();
  const charges = new RerunCharges(parts.queue, { jobs: null, bytes: null });
  return {
    matching: (operation, scan = {}) =>
      liveMatching({ queue: parts.queue, turns }, selectionOf(operation), { caller: operation.id, ...scan }),
    remaining: async (operation, below) => {
      const { below: start, from } = selectionOf(operation);
      return parts.queue.liveCount(below ?? start, from);
    },
    act: (operation, ids) => act({ ...parts, charges }, operation, ids),
    recheck: (operation, ids) => recheck(parts, operation, ids),
  };
}

/** @throws Error if the filters were not checked before */
function selectionOf({ action, id, filters: members }: BulkOperationOptions): JobSelection {
  const statuses = BULK_STATUSES[action];
  const selection = readFilters({ status: statuses, ...members }, statuses);
  if ("issues" in selection) throw new Error("the filters of a bulk operation are checked when it is submitted");
  const { below = id } = selection;
  return { ...selection, below: below < id ? below : id };
}

async function act(
  parts: BulkParts & { readonly charges: RerunCharges },
  operation: BulkOperationOptions,
  ids: readonly string[],
): Promise<Acted> {
  if (parts.recorder.isFull) return { examined: 0, done: 0, wait: { for: "pace", ms: RECORDER_WAIT_MS } };
  const { id, rate } = operation;
  const { granted, wait } =
    rate === undefined
      ? { granted: ids.length }
      : await parts.charges.take(
          { id, rate, payer: undefined },
          ids.map(() => 0),
        );
  const done = await cancelAll(parts, ids.slice(0, granted));
  return { examined: granted, done, ...(wait && { wait }) };
}

/**
 * Cancels jobs. @returns how many of them are cancelled, or are asked to stop; not those that ended in another way
 */
async function cancelAll(parts: BulkParts, ids: readonly string[]): Promise<number> {
  const { queue, callbackOf, cancelWaiting } = parts;
  const answers = await Promise.allSettled(ids.map((id) => queue.cancel(id, OUTBOX_OWNED_MS, callbackOf)));
  const gone: string[] = [];
  let done = 0;
  answers.forEach((settled, i) => {
    if (settled.status === "rejected") return;
    const answer = settled.value;
    if (answer.kind === "missing") gone.push(ids[i] ?? "");
    else {
      if (answer.kind === "cancelled" || answer.kind === "withdrawn") cancelWaiting(answer.job, answer.kind);
      if (answer.kind !== "finished" || answer.job.status === "cancelled") done += 1;
    }
  });
  const failed = answers.find((settled) => settled.status === "rejected");
  if (failed) throw failed.reason; // after the answers that came: their outcomes are recorded here
  return done + (await countDone(parts, "cancel", new Map(), gone));
}

async function recheck(parts: BulkParts, operation: BulkOperationOptions, ids: readonly string[]): Promise<Rechecked> {
  const { filters } = selectionOf(operation);
  const { jobs } = await liveMatches(parts.queue, ids, filters);
  const matching = new Set(jobs.map(({ id }) => id));
  const others = ids.filter((id) => !matching.has(id));
  const live = new Map((await parts.queue.readHeaders(others)).map(({ id, status }) => [id, status]));
  return { open: ids.filter((id) => matching.has(id)), done: await countDone(parts, operation.action, live, others) };
}

/** @param live the statuses of the jobs that Redis has; the others may be in Postgres */
async function countDone(
  { store }: Pick<BulkParts, "store">,
  action: BulkAction,
  live: ReadonlyMap<string, Status>,
  ids: readonly string[],
): Promise<number> {
  const gone = ids.filter((id) => !live.has(id));
  const recorded = gone.length === 0 ? [] : await store.states(gone, 0);
  const statuses = [...ids.flatMap((id) => live.get(id) ?? []), ...recorded.map(({ view }) => view.status)];
  return statuses.filter((status) => isDone(action, status)).length;
}

/** Whether the status of a job that no longer matches shows that the operation has acted on it. */
function isDone(action: BulkAction, status: Status): boolean {
  switch (action) {
    case "cancel":
      return status === "cancelled";
    case "run":
      return status !== "scheduled" && status !== "retrying" && status !== "cancelled";
    case "update":
      return status === "scheduled" || status === "queued" || status === "retrying";
    case "erase":
      return false;
    default:
      return action satisfies never;
  }
}
