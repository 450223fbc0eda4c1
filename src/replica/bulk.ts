/** Bulk operations on this replica: finds jobs by filters, and acts on them. Uses queue, store and recorder. */

import { amendAccepted } from "../api/jobs/amend-accepted.ts";
import { eraseJobs } from "../api/jobs/erase-jobs.ts";
import { liveMatches } from "../api/jobs/live-jobs.ts";
import type { ArtifactStore } from "../artifacts/store.ts";
import { Turns } from "../concurrency/turns.ts";
import { at } from "../core/at.ts";
import type { Bulk, BulkAction, BulkOperationOptions, Rechecked } from "../core/bulk.ts";
import { BULK_STATUSES, withNamedOperations } from "../core/bulk.ts";
import { applySet } from "../core/bulk-patch.ts";
import type { Flows } from "../core/flows/flows.ts";
import type { CallbackOf, Job, Status } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { JobSelection } from "../core/job-filters.ts";
import { readFilters } from "../core/job-filters.ts";
import type { ChangedSubmission } from "../core/job-patch.ts";
import type { Acted, Reruns } from "../core/reruns.ts";
import type { TypeLookup } from "../core/submission.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../queue/settlement.ts";
import type { Store } from "../results/store.ts";
import { liveMatching } from "./live-scan.ts";
import { RerunCharges } from "./rerun-charges.ts";

/** The wait for a recorder that is full. It writes thousands of rows a second. */
const RECORDER_WAIT_MS = 20;
/** The wait for the row of a job that has just ended. */
const ROW_WAIT_MS = 200;

export interface BulkParts {
  readonly queue: Pick<
    Queue,
    | "liveIds"
    | "liveCount"
    | "readHeaders"
    | "read"
    | "payload"
    | "cancelMany"
    | "run"
    | "updateMany"
    | "take"
    | "missing"
    | "erase"
    | "clock"
  >;
  readonly store: Pick<Store, "states" | "among" | "erase" | "amend" | "members" | "get">;
  readonly flows: Pick<Flows, "get" | "dropResults">;
  readonly artifacts: Pick<ArtifactStore, "removeJob">;
  readonly reruns: Pick<Reruns, "matching">;
  readonly recorder: { readonly isFull: boolean };
  readonly callbackOf: CallbackOf;
  readonly typeOf: TypeLookup;
  /** Records a job that was cancelled while it waited. */
  readonly cancelWaiting: (job: Job, kind: "cancelled" | "withdrawn") => void;
}

export function bulkOf(parts: BulkParts): Bulk {
  const turns = new Turns();
  const charges = new RerunCharges(parts.queue, { jobs: null, bytes: null });
  return {
    matching: (operation, scan = {}) =>
      operation.action === "erase"
        ? parts.reruns.matching(
            { status: TERMINAL_STATUSES, ...operation.filters, include_replayed: true },
            operation.id,
            { ...scan, isErasure: true },
          )
        : liveMatching({ queue: parts.queue, turns }, selectionOf(operation), { caller: operation.id, ...scan }),
    remaining: async (operation, below) => {
      if (operation.action === "erase") return undefined;
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
  return { ...selection, filters: withNamedOperations(selection.filters), below: below < id ? below : id };
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
  const acted = await actOn(parts, operation, ids.slice(0, granted));
  return { ...acted, ...(wait && !acted.wait && { wait }) };
}

async function actOn(parts: BulkParts, { action, set }: BulkOperationOptions, ids: readonly string[]): Promise<Acted> {
  if (ids.length === 0) return { examined: 0, done: 0 };
  switch (action) {
    case "cancel":
      return { examined: ids.length, done: await cancelAll(parts, ids) };
    case "run":
      return { examined: ids.length, done: await runAll(parts, ids) };
    case "update":
      return { examined: ids.length, done: await updateAll(parts, set ?? {}, ids) };
    case "erase":
      return eraseAll(parts, ids);
    default:
      return action satisfies never;
  }
}

/**
 * Cancels jobs. @returns how many of them are cancelled, or are asked to stop; not those that ended in another way
 */
async function cancelAll(parts: BulkParts, ids: readonly string[]): Promise<number> {
  const { queue, callbackOf, cancelWaiting } = parts;
  const answers = await queue.cancelMany(
    ids.map((id) => ({ id })),
    OUTBOX_OWNED_MS,
    callbackOf,
  );
  const gone: string[] = [];
  let done = 0;
  answers.forEach((answer, i) => {
    if (answer.kind === "missing") gone.push(at(ids, i));
    else {
      if (answer.kind === "cancelled" || answer.kind === "withdrawn") cancelWaiting(answer.job, answer.kind);
      if (answer.kind !== "finished" || answer.job.status === "cancelled") done += 1;
    }
  });
  return done + (await countDone(parts, "cancel", new Map(), gone));
}

/** Makes jobs due. @returns how many of them are due now, or have started meanwhile */
async function runAll(parts: BulkParts, ids: readonly string[]): Promise<number> {
  const answers = await parts.queue.run(ids);
  const live = new Map(answers.flatMap((answer) => ("job" in answer ? [[answer.job.id, answer.job.status]] : [])));
  const due = answers.filter(({ kind }) => kind === "updated" || kind === "unchanged").length;
  const others = ids.filter((_, i) => !["updated", "unchanged"].includes(at(answers, i).kind));
  return due + (await countDone(parts, "run", live, others));
}

/** Changes jobs that wait. @returns how many of them have the new fields */
async function updateAll(
  parts: BulkParts,
  set: Readonly<Record<string, unknown>>,
  ids: readonly string[],
): Promise<number> {
  const { queue, typeOf } = parts;
  let unfit = 0;
  const change = (job: Job): ChangedSubmission | undefined => {
    const changed = applySet(job, set, queue.clock.now(), typeOf);
    if (!changed) unfit += 1;
    return changed;
  };
  const answers = await queue.updateMany(ids.map((id) => ({ id, change })));
  let done = 0;
  for (const answer of answers) {
    if (answer.kind !== "updated" && answer.kind !== "unchanged") continue;
    await amendAccepted(parts, answer.job);
    done += 1;
  }
  return done - unfit;
}

/** Erases jobs as far as they are recorded; the first one that is not has to wait for its row. */
async function eraseAll(parts: BulkParts, ids: readonly string[]): Promise<Acted> {
  const { queue, store } = parts;
  const recorded = await store.among(ids);
  const unrecorded = ids.filter((id) => !recorded.has(id));
  const gone = new Set(await queue.missing(unrecorded)); // past their retention, or recorded just now
  for (const id of await store.among([...gone])) recorded.add(id);
  const waitingAt = ids.findIndex((id) => !recorded.has(id) && !gone.has(id));
  const examined = ids.slice(0, waitingAt === -1 ? ids.length : waitingAt);
  const rows = examined.filter((id) => recorded.has(id));
  await eraseJobs(parts, rows);
  const wait = { for: "pace", ms: ROW_WAIT_MS } as const;
  return { examined: examined.length, done: rows.length, ...(waitingAt !== -1 && { wait }) };
}

async function recheck(parts: BulkParts, operation: BulkOperationOptions, ids: readonly string[]): Promise<Rechecked> {
  if (operation.action === "erase") return recheckErased(parts, ids);
  const { filters } = selectionOf(operation);
  const { jobs } = await liveMatches(parts.queue, ids, filters);
  const matching = new Set(jobs.map(({ id }) => id));
  const others = ids.filter((id) => !matching.has(id));
  const live = new Map((await parts.queue.readHeaders(others)).map(({ id, status }) => [id, status]));
  return { open: ids.filter((id) => matching.has(id)), done: await countDone(parts, operation.action, live, others) };
}

/** An erased job may not match any longer; to erase the others again is harmless. */
async function recheckErased({ store }: Pick<BulkParts, "store">, ids: readonly string[]): Promise<Rechecked> {
  const rows = await store.states(ids, 0);
  const erased = new Set(rows.flatMap(({ view }) => (view.erased_at === null ? [] : [view.id])));
  return { open: ids.filter((id) => !erased.has(id)), done: erased.size };
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
      return BULK_STATUSES.update.includes(status);
    case "erase":
      return false;
    default:
      return action satisfies never;
  }
}
