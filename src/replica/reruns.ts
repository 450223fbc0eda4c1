/** What replays ask of this replica: the finished jobs that a filter names, and their copies. Joins queue, store and acceptor. */
import { Turns } from "../concurrency/turns.ts";
import type { JobOptions, JobView, Submission } from "../core/job.ts";
import { viewOf } from "../core/job-view.ts";
import { ownedBy } from "../core/ownership.ts";
import { bytesOf, isLarge, largePayload } from "../core/payload.ts";
import type { Acted, Reruns } from "../core/reruns.ts";
import { hasLostPayload, resubmissionOf } from "../core/resubmission.ts";
import { QueueUnavailable } from "../errors.ts";
import { enqueued } from "../queue/enqueued.ts";
import { derivedId } from "../queue/ids.ts";
import type { Queue } from "../queue/queue.ts";
import type { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import type { Store } from "../results/store.ts";
import type { Charged, ChargedRerun, Quotas } from "./rerun-charges.ts";
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
      copy({ ...parts, charges }, { id, rate, payer: (await parts.queue.readHeaders([id]))[0]?.options.payer }, ids),
  };
}

type CopyParts = RerunParts & { readonly charges: RerunCharges };

interface Copy {
  readonly id: string;
  readonly submission: Submission;
}

/** A finished job whose copy was never enqueued. */
interface Original {
  readonly rerunIdOf: string;
  /** Its place among the jobs of the call. */
  readonly at: number;
  readonly view: JobView;
  readonly options: JobOptions;
  /** The bytes of its large payload. */
  readonly payload: () => Promise<Uint8Array | undefined>;
}

async function copy(parts: CopyParts, rerun: ChargedRerun, ids: readonly string[]): Promise<Acted> {
  const places = ids.map((id, at) => ({ id, at, rerunIdOf: rerunIdOf(rerun.id, id) }));
  const never = new Set(
    await neverEnqueued(
      parts,
      places.map((place) => place.rerunIdOf),
    ),
  );
  const wanted = places.filter((place) => never.has(place.rerunIdOf));
  const originals = await Promise.all(wanted.map(({ id }) => readOriginal(parts, id)));
  const found = wanted.flatMap((place, i): Original[] => (originals[i] ? [{ ...place, ...originals[i] }] : []));
  const lostAt = wanted.filter((_, i) => !originals[i]).map(({ at }) => at);
  const doneOf = (examined: number): number => examined - lostAt.filter((at) => at < examined).length;
  for (const part of partsOf(found)) {
    const copies: (Copy & { readonly at: number })[] = [];
    for (const original of part) {
      const submission = await submissionOf(parts, original);
      if (submission)
        copies.push({ id: original.rerunIdOf, at: original.at, submission: ownedBy(submission, rerun.payer?.key) }); // whoever asked for the replay owns its copies
      else lostAt.push(original.at);
    }
    const { granted, wait } = await make(parts, rerun, copies);
    const examined = copies[granted]?.at;
    if (wait && examined !== undefined) return { examined, done: doneOf(examined), wait };
  }
  return { examined: ids.length, done: doneOf(ids.length) };
}

/** In parts that are made at once: of large payloads one is in memory at a time. */
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

/** Those of these copies that are in neither Redis nor Postgres. */
async function neverEnqueued({ queue, store }: RerunParts, ids: readonly string[]): Promise<string[]> {
  const missing = await queue.missing(ids);
  const recorded = await store.among(missing);
  return missing.filter((id) => !recorded.has(id));
}

/** Undefined where its retention has ended, or its payload is lost. */
async function readOriginal(
  { queue, store }: RerunParts,
  id: string,
): Promise<Pick<Original, "view" | "options" | "payload"> | undefined> {
  const stored = await store.get(id);
  const live = stored ? undefined : (await queue.read([id]))[0];
  const view = stored ?? (live && viewOf(live));
  if (!view || hasLostPayload(view.error)) return undefined;
  const { payload } = view;
  return {
    view,
    options: live ? live.options : await store.options(id),
    payload: () => (live && isLarge(payload) ? queue.payload(id, payload.size) : store.payload(id)),
  };
}

async function submissionOf(
  { queue }: RerunParts,
  { view, options, payload }: Original,
): Promise<Submission | undefined> {
  const data = isLarge(view.payload) ? await payload() : undefined;
  if (isLarge(view.payload) && !data) return undefined;
  const submission = resubmissionOf({ ...view, ...(data && { payload: largePayload(data) }) }, options);
  return { ...submission, options: { run_at: queue.clock.now(), ...submission.options } }; // what it waits from: the replay's id is older
}

/** Enqueues copies as far as pace and quotas allow. What was taken for a copy that this call did not enqueue is given back: the next try takes for it anew. */
async function make(parts: CopyParts, rerun: ChargedRerun, copies: readonly Copy[]): Promise<Charged> {
  const charged = await parts.charges.take(
    rerun,
    copies.map(({ submission }) => bytesOf(submission.payload)),
  );
  const unmade = new Set(copies.slice(0, charged.granted));
  try {
    await enqueue(parts, [...unmade], (made) => unmade.delete(made));
  } finally {
    // While Redis does not answer the key pays for them twice.
    await parts.charges
      .giveBack(
        rerun,
        [...unmade].map(({ submission }) => bytesOf(submission.payload)),
      )
      .catch(() => undefined);
  }
  return charged;
}

/**
 * In this order nothing is run twice: Redis forgets a copy only after its row is committed, so one that is in neither was
 * never enqueued. Its id lies as far back as the replay's own, so it bypasses the intake, which trusts only young ids.
 * @param onMade called for each copy that is, or may be, enqueued by this call
 */
async function enqueue(parts: RerunParts, copies: readonly Copy[], onMade: (copy: Copy) => void): Promise<void> {
  if (copies.length === 0) return;
  const durable = copies.filter(({ submission }) => submission.options.durability === "postgres");
  if (durable.length > 0) await commit(parts, durable);
  // Looked for once more: what an earlier try has committed, the restore enqueues as well.
  const never = new Set(
    await neverEnqueued(
      parts,
      copies.map(({ id }) => id),
    ),
  );
  const lacking = copies.filter(({ id }) => never.has(id));
  const answers = await Promise.allSettled(
    lacking.map(({ id, submission }) => enqueued(parts.queue, { ids: [id], submissions: [submission] })),
  );
  answers.forEach((answer, i) => {
    if (lacking[i] && (answer.status === "fulfilled" || !(answer.reason instanceof QueueUnavailable)))
      onMade(lacking[i]);
  });
  const failed = answers.find((answer) => answer.status === "rejected");
  if (failed) throw failed.reason;
}

function commit({ acceptanceLogWriter }: RerunParts, jobs: readonly Copy[]): Promise<void> {
  return new Promise((resolve, reject) => {
    acceptanceLogWriter.accept({ jobs }, (answer) => {
      if (answer.kind === "failed") reject(answer.error);
      else resolve();
    });
  });
}

/** The id of a job's copy: it follows from the replay's and the job's, with the time and the shard of the replay's. */
export function rerunIdOf(rerunId: string, id: string): string {
  return derivedId(rerunId, `replay ${rerunId} ${id}`);
}
