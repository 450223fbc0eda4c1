/**
 * Cancels the jobs of flows: of nodes that can no longer run, of flows that somebody cancels, and of flows that stop at
 * a failure. Most of it is a job or a few, done together; the jobs of large batches are cancelled page by page, while
 * other work goes on.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { FlowNode, FlowState, IdRange } from "../../core/flows/flow.ts";
import { idAfter, idsFrom } from "../../core/id.ts";
import type { CallbackOf, JobError } from "../../core/job.ts";
import type { FlowWork } from "../../queue/flows.ts";
import type { Queue } from "../../queue/queue.ts";
import { OUTBOX_OWNED_MS } from "../../queue/settlement.ts";
import type { BulkParts } from "../bulk.ts";

/** Jobs of one call. */
const PAGE = 100;
/** Works of many pages that this replica does at once. A further one is taken again later, by any replica. */
const MAX_LONG = 4;
/** The wait for a recorder that is full while Postgres answers. It writes thousands of rows a second. */
const RECORDER_WAIT_MS = 20;
/** How many pages pass before the work is extended; a page takes some milliseconds. */
const PAGES_PER_EXTENSION = 10;

export interface FlowCancellationsParts {
  readonly queue: Pick<Queue, "flows" | "cancelMany">;
  readonly recorder: { readonly shouldPause: boolean };
  readonly callbackOf: CallbackOf;
  readonly cancelWaiting: BulkParts["cancelWaiting"];
  readonly onError: (error: unknown) => void;
}

type DoomedWork = Extract<FlowWork, { readonly kind: "doomed" }>;
type CancelWork = Extract<FlowWork, { readonly position: number }>;

/** A job to cancel, and why; without an error somebody has cancelled its flow. */
interface Doomed {
  readonly id: string;
  readonly error?: Pick<JobError, "code" | "message">;
}

export class FlowCancellations {
  readonly #parts: FlowCancellationsParts;
  /** By the name of the work. */
  readonly #long = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: FlowCancellationsParts) {
    this.#parts = parts;
  }

  /** Does the short ones of the works, and begins the long ones. */
  async begin(works: readonly FlowWork[]): Promise<void> {
    const short: DoomedWork[] = [];
    for (const work of works) {
      if (work.kind === "doomed" && jobsOf(work.ids) <= PAGE) short.push(work);
      else if (work.kind === "doomed" || work.kind === "cancel" || work.kind === "stop") this.#beginLong(work);
    }
    if (short.length === 0) return;
    const doomed = short.flatMap((work) =>
      work.ids.flatMap(({ first, count }) => doomedOf(work, idsFrom(first, count))),
    );
    await this.#cancelAll(doomed);
    await this.#parts.queue.flows.done(short);
  }

  /** Ends jobs that wait for others of a flow that Redis has lost. */
  cancelOrphans(ids: readonly string[]): Promise<void> {
    const error = { code: "dependency_failed", message: "It can no longer run: Redis has lost its flow." };
    return this.#cancelAll(ids.map((id) => ({ id, error })));
  }

  /** Resolves when the pages under way are done; another replica continues. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#long.values());
  }

  #beginLong(work: DoomedWork | CancelWork): void {
    const { member } = work;
    if (this.#closing.signal.aborted || this.#long.has(member) || this.#long.size >= MAX_LONG) return;
    const done = (work.kind === "doomed" ? this.#doom(work) : this.#cancelFlow(work))
      .catch(this.#parts.onError)
      .finally(() => this.#long.delete(member));
    this.#long.set(member, done);
  }

  #doom(work: DoomedWork): Promise<void> {
    return this.#pages(work, work.ids, 0, (ids) => doomedOf(work, ids));
  }

  async #cancelFlow(work: CancelWork): Promise<void> {
    const [state] = await this.#parts.queue.flows.read([work.flow]);
    if (!state) return;
    const isReached = work.kind === "cancel" ? isCancelled : isStopped;
    // the position counts the jobs of all nodes, whichever of them are cancelled
    let before = 0;
    for (const [index, node] of state.graph.nodes.entries()) {
      const jobs = jobsOf(node.ids);
      if (isUnderWay(state, index) && isReached(node, index, state) && before + jobs > work.position) {
        const isComplete = await this.#pagesFrom(work, node.ids, Math.max(0, work.position - before), before, asked);
        if (!isComplete) return;
      }
      before += jobs;
    }
    await this.#parts.queue.flows.done([work]);
  }

  async #pages(
    work: FlowWork,
    ranges: readonly IdRange[],
    from: number,
    doomed: (ids: readonly string[]) => Doomed[],
  ): Promise<void> {
    if (await this.#pagesFrom(work, ranges, from, 0, doomed)) await this.#parts.queue.flows.done([work]);
  }

  /** @returns false if this replica drains */
  async #pagesFrom(
    work: FlowWork,
    ranges: readonly IdRange[],
    from: number,
    before: number,
    doomed: (ids: readonly string[]) => Doomed[],
  ): Promise<boolean> {
    let [position, pages] = [from, 0];
    for (const ids of pagesOf(ranges, from)) {
      if (this.#closing.signal.aborted) return false;
      await this.#cancel(doomed(ids));
      position += ids.length;
      pages += 1;
      if (pages % PAGES_PER_EXTENSION === 0) await this.#parts.queue.flows.extend(work, before + position);
    }
    return true;
  }

  async #cancelAll(jobs: readonly Doomed[]): Promise<void> {
    for (let at = 0; at < jobs.length; at += PAGE) await this.#cancel(jobs.slice(at, at + PAGE));
  }

  async #cancel(jobs: readonly Doomed[]): Promise<void> {
    const { queue, recorder, callbackOf, cancelWaiting } = this.#parts;
    while (recorder.shouldPause && !this.#closing.signal.aborted) await delay(RECORDER_WAIT_MS);
    const answers = await queue.cancelMany(jobs, OUTBOX_OWNED_MS, callbackOf);
    for (const answer of answers) if (answer.kind === "cancelled") cancelWaiting(answer.job, answer.kind);
  }
}

/** The jobs of other nodes are doomed, or have ended. */
function isUnderWay({ nodes }: FlowState, index: number): boolean {
  return nodes[index]?.isStarted === true && nodes[index].outcome === null;
}

/** The cancellation of a batch reaches its jobs, whose end decides about the callbacks. */
function isCancelled(_: FlowNode, index: number, { graph }: FlowState): boolean {
  return graph.kind !== "batch" || index === 0;
}

/** What runs after a failure goes on: clean-up. */
function isStopped({ when }: FlowNode): boolean {
  return when === "succeeded";
}

const asked = (ids: readonly string[]): Doomed[] => ids.map((id) => ({ id }));

function doomedOf(work: DoomedWork, ids: readonly string[]): Doomed[] {
  const error = errorOf(work);
  return ids.map((id) => (error ? { id, error } : { id }));
}

/** Undefined if somebody has cancelled the flow: its jobs end as those that are cancelled one by one. */
function errorOf({ code, cause }: DoomedWork): Doomed["error"] {
  switch (code) {
    case "dependency_failed":
      return { code, message: `It can no longer run: ${causeText(cause)} did not complete.` };
    case "not_needed":
      return { code, message: "It is not needed: nothing that it comes after has failed." };
    case "cancelled":
      return undefined;
    default:
      return code satisfies never;
  }
}

function causeText(cause: DoomedWork["cause"]): string {
  return cause ? `the job ${cause.id} of ${cause.node}` : "what it comes after";
}

function jobsOf(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

/** The ids from a position on, in pages. */
function* pagesOf(ranges: readonly IdRange[], from: number): Generator<string[]> {
  let skipped = from;
  for (const { first, count } of ranges) {
    for (let at = Math.min(skipped, count); at < count; at += PAGE)
      yield idsFrom(idAfter(first, at), Math.min(PAGE, count - at));
    skipped = Math.max(0, skipped - count);
  }
}
