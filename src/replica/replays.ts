/** What replays ask of this replica: the finished jobs that a filter names, and their copies. Joins queue, store and acceptor. */
import { createHash } from "node:crypto";
import { timeOfId } from "../core/id.ts";
import type { JobOptions, JobView, Submission } from "../core/job.ts";
import { boundOf } from "../core/job-filters.ts";
import type { ReplayFilters, ReplayScan, Replays } from "../core/replays.ts";
import { hasLostPayload, resubmissionOf } from "../core/resubmission.ts";
import { ownedBy } from "../core/ownership.ts";
import { viewOf } from "../core/job-view.ts";
import { isLarge, largePayload } from "../core/payload.ts";
import { enqueued } from "../queue/enqueued.ts";
import type { Queue } from "../queue/queue.ts";
import type { Acceptor } from "../results/acceptor.ts";
import type { Store } from "../results/store.ts";
import { Turns } from "../turns.ts";

/** Outcomes that Postgres does not hold yet are looked at up to this number: with more, Postgres is away, and so is the replay. */
const MAX_ENDED = 10_000;
/** Jobs read from Redis at once. */
const CHUNK = 50;

export interface ReplayParts {
  readonly queue: Pick<Queue, "endedIds" | "read" | "readHeaders" | "payload" | "missing" | "enqueue" | "clock">;
  readonly store: Pick<Store, "matching" | "among" | "get" | "options" | "payload">;
  readonly acceptor: Pick<Acceptor, "accept">;
}

export function replaysOf(parts: ReplayParts): Replays {
  const turns = new Turns();
  return { matching: (filters, replayId, scan = {}) => matching({ ...parts, turns }, filters, replayId, scan), copy: (replayId, ids) => copy(parts, replayId, ids) };
}

/** Redis first: a job that moves meanwhile is seen in one of the two. */
async function* matching({ queue, store, turns }: ReplayParts & { readonly turns: Turns }, filters: ReplayFilters, replayId: string, { caller = replayId, signal }: ReplayScan): AsyncGenerator<readonly string[]> {
  const { created_after, created_before, status = "failed", ...asked } = filters;
  const finishedBy = timeOfId(replayId);
  const from = boundOf(created_after);
  const below = [boundOf(created_before), replayId].filter((id) => id !== undefined).sort()[0] ?? replayId;
  const passes = (view: JobView): boolean =>
    view.id < below && (from === undefined || view.id >= from) && view.type !== "replay" && (view.finished_at ?? Infinity) <= finishedBy && isAsked(view, { ...asked, status });
  const seen = new Set<string>();
  const ended = await queue.endedIds(MAX_ENDED);
  for (let at = 0; at < ended.length; at += CHUNK) {
    const jobs = await turns.take(caller, () => queue.read(ended.slice(at, at + CHUNK)), signal);
    const ids = jobs.map(viewOf).filter(passes).map(({ id }) => id);
    for (const id of ids) seen.add(id);
    if (ids.length > 0) yield ids;
  }
  for await (const ids of store.matching({ ...asked, status }, { below, from, finishedBy, caller, signal })) yield ids.filter((id) => !seen.has(id));
}

function isAsked(view: JobView, { status, type, tag, group_key, error_code }: ReplayFilters): boolean {
  return (
    view.status === status &&
    (type === undefined || view.type === type) &&
    (tag === undefined || view.tags.includes(tag)) &&
    (group_key === undefined || view.group_key === group_key) &&
    (error_code === undefined || view.error?.code === error_code)
  );
}

interface Copy {
  readonly id: string;
  readonly submission: Submission;
}

/**
 * In this order nothing is run twice: Redis forgets a copy only after its row is committed, so one that is in neither was
 * never enqueued. Its id lies as far back as the replay's own, so it bypasses the intake, which trusts only young ids.
 */
async function copy(parts: ReplayParts, replayId: string, ids: readonly string[]): Promise<number> {
  const originals = new Map(ids.map((id) => [copyId(replayId, id), id]));
  const wanted = await neverEnqueued(parts, [...originals.keys()]);
  const copies = await Promise.all(wanted.map(async (id) => ({ id, submission: await submissionOf(parts, originals.get(id) ?? "") })));
  const apiKey = (await parts.queue.readHeaders([replayId]))[0]?.options.api_key; // a copy belongs to the key that asked for the replay
  const found = copies.flatMap(({ id, submission }) => (submission ? [{ id, submission: ownedBy(submission, apiKey) }] : []));
  await enqueue(parts, found);
  return ids.length - (wanted.length - found.length);
}

/** Those of these copies that are in neither. */
async function neverEnqueued({ queue, store }: ReplayParts, ids: readonly string[]): Promise<string[]> {
  const missing = await queue.missing(ids);
  const recorded = await store.among(missing);
  return missing.filter((id) => !recorded.has(id));
}

async function submissionOf({ queue, store }: ReplayParts, id: string): Promise<Submission | undefined> {
  const ofRedis = async (): Promise<[JobView, JobOptions] | undefined> => (await queue.read([id])).map((job): [JobView, JobOptions] => [viewOf(job), job.options])[0];
  const view = await store.get(id);
  const whole = view ? ([view, await store.options(id)] as const) : await ofRedis();
  if (!whole || hasLostPayload(whole[0].error)) return undefined;
  let { payload } = whole[0];
  if (isLarge(payload)) {
    const data = view ? await store.payload(id) : await queue.payload(id, payload.size);
    if (!data) return undefined;
    payload = largePayload(data);
  }
  const submission = resubmissionOf({ ...whole[0], payload }, whole[1]);
  return { ...submission, options: { run_at: queue.clock.now(), ...submission.options } }; // what it waits from: the replay's id is older
}

async function enqueue(parts: ReplayParts, copies: readonly Copy[]): Promise<void> {
  const durable = copies.filter(({ submission }) => submission.options.durability === "postgres");
  let lacking = copies;
  if (durable.length > 0) {
    await commit(parts, durable);
    // What an earlier try has committed, the restore enqueues as well: it may have run since it was looked for.
    const never = new Set(await neverEnqueued(parts, copies.map(({ id }) => id)));
    lacking = copies.filter(({ id }) => never.has(id));
  }
  await Promise.all(lacking.map(({ id, submission }) => enqueued(parts.queue, { ids: [id], submissions: [submission] })));
}

function commit({ acceptor }: ReplayParts, jobs: readonly Copy[]): Promise<void> {
  return new Promise((resolve, reject) => {
    acceptor.accept({ jobs }, (answer) => { if (answer.kind === "failed") reject(answer.error); else resolve(); });
  });
}

/** The id of a job's copy: it follows from the replay's and the job's, with the time and the shard of the replay's. */
export function copyId(replayId: string, id: string): string {
  const digits = createHash("sha256").update(`replay ${replayId} ${id}`).digest("hex");
  return `${replayId.slice(0, 20)}${digits.slice(0, 3)}-${digits.slice(3, 15)}`;
}
