/**
 * Bulk reruns on this replica: finds the finished jobs that pass a filter, and enqueues them again. Uses queue, store
 * and acceptance log.
 */
import { Turns } from "../concurrency/turns.ts";
import { isOperation } from "../core/bulk.ts";
import type { JobOptions, JobView, Submission } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import { ownedBy } from "../core/ownership.ts";
import { isLarge, wholePayload } from "../core/payload.ts";
import type { Acted, Reruns } from "../core/reruns.ts";
import { hasLostPayload, hasUnresolvedReferences, resubmissionOf } from "../core/resubmission.ts";
import { derivedId } from "../queue/ids.ts";
import type { Queue } from "../queue/queue.ts";
import type { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import type { Store } from "../results/store.ts";
import type { DerivedJob } from "./derived-jobs.ts";
import { enqueueCharged, neverEnqueued } from "./derived-jobs.ts";
import type { ChargedRerun, Quotas } from "./rerun-charges.ts";
import { RerunCharges } from "./rerun-charges.ts";
import { matching } from "./rerun-scan.ts";

export interface RerunParts {
  readonly queue: Pick<
    Queue,
    "endedIds" | "read" | "readHeaders" | "payload" | "missing" | "enqueue" | "take" | "clock"
  >;
  readonly store: Pick<Store, "matching" | "among" | "get" | "options" | "payload">;
  readonly acceptanceLogWriter: Pick<AcceptanceLogWriter, "accept">;
  readonly quotas?: Quotas;
}

export function rerunsOf(parts: RerunParts): Reruns {
  const turns = new Turns();
  const charges = new RerunCharges(parts.queue, parts.quotas ?? { jobs: null, bytes: null });
  return {
    matching: (filters, rerunId, scan = {}) => matching({ ...parts, turns }, filters, rerunId, scan),
    copy: async (id, ids, rate) =>
      rerunAll(
        { ...parts, charges },
        { id, rate, payer: (await parts.queue.readHeaders([id]))[0]?.options.payer },
        ids,
      ),
  };
}

type ChargedParts = RerunParts & { readonly charges: RerunCharges };

/** A finished job whose rerun was never enqueued. */
interface Original {
  readonly rerunIdOf: string;
  /** Its index among the jobs of the call. */
  readonly at: number;
  readonly view: JobView;
  readonly options: JobOptions;
  /** The size of its large payload, in bytes. */
  readonly payload: () => Promise<Uint8Array | undefined>;
}

async function rerunAll(parts: ChargedParts, rerun: ChargedRerun, ids: readonly string[]): Promise<Acted> {
  const positions = ids.map((id, at) => ({ id, at, rerunIdOf: rerunIdOf(rerun.id, id) }));
  const never = new Set(
    await neverEnqueued(
      parts,
      positions.map((position) => position.rerunIdOf),
    ),
  );
  const wanted = positions.filter((position) => never.has(position.rerunIdOf));
  const originals = await Promise.all(wanted.map(({ id }) => readOriginal(parts, id)));
  const found = wanted.flatMap((position, i): Original[] => (originals[i] ? [{ ...position, ...originals[i] }] : []));
  const lostAt = wanted.filter((_, i) => !originals[i]).map(({ at }) => at);
  const doneOf = (examined: number): number => examined - lostAt.filter((at) => at < examined).length;
  for (const part of partsOf(found)) {
    const reruns: (DerivedJob & { readonly at: number })[] = [];
    for (const original of part) {
      const submission = await submissionOf(parts, original);
      if (submission)
        // the API key that submitted the replay job owns its reruns
        reruns.push({ id: original.rerunIdOf, at: original.at, submission: ownedBy(submission, rerun.payer?.key) });
      else lostAt.push(original.at);
    }
    const { granted, wait } = await enqueueCharged(parts, rerun, reruns);
    const examined = reruns[granted]?.at;
    if (wait && examined !== undefined) return { examined, done: doneOf(examined), wait };
  }
  return { examined: ids.length, done: doneOf(ids.length) };
}

/** Splits reruns into parts that are enqueued together, to have at most one large payload in memory at a time. */
function partsOf(originals: readonly Original[]): Original[][] {
  const parts: Original[][] = [];
  let isLast = true;
  for (const original of originals) {
    const isAlone = isLarge(original.view.payload);
    if (isAlone || isLast) parts.push([original]);
    else parts.at(-1)?.push(original);
    isLast = isAlone;
  }
  return parts;
}

/**
 * Undefined if it cannot be run again: its retention has ended, its payload is lost or erased, or has references that
 * only its flow resolves, or it is a bulk operation.
 */
async function readOriginal(
  { queue, store }: RerunParts,
  id: string,
): Promise<Pick<Original, "view" | "options" | "payload"> | undefined> {
  const stored = await store.get(id);
  const live = stored ? undefined : (await queue.read([id]))[0];
  const view = stored ?? (live && viewOf(live));
  // bulk operations need a scope that the replay's key may lack
  if (!view || view.erased_at !== null || hasLostPayload(view.error) || isOperation(view.type)) return undefined;
  const options = live ? live.options : await store.options(id);
  if (hasUnresolvedReferences(options)) return undefined;
  const { payload } = view;
  return {
    view,
    options,
    payload: async () =>
      // Postgres has it if the job has moved there meanwhile
      (live && isLarge(payload) ? await queue.payload(id, payload.size) : undefined) ?? store.payload(id),
  };
}

async function submissionOf(
  { queue }: RerunParts,
  { view, options, ...original }: Original,
): Promise<Submission | undefined> {
  const payload = await wholePayload(view.payload, original.payload);
  if (payload === undefined) return undefined;
  const submission = resubmissionOf({ ...view, payload }, options);
  // the rerun waits from now on; its id has the time of the replay job
  return { ...submission, options: { run_at: queue.clock.now(), ...submission.options } };
}

/**
 * The id of a rerun, derived from the ids of the replay job and of the job, with the time and the shard of the replay
 * job.
 */
export function rerunIdOf(rerunId: string, id: string): string {
  return derivedId(rerunId, `replay ${rerunId} ${id}`);
}
