/**
 * Cancels the jobs of flows: of nodes that can no longer run, of flows that somebody cancels, of flows that stop at a
 * failure, and those that were prepared for a retry which does not take place. Most of it is a job or a few, done
 * together; the jobs of large batches are cancelled page by page, while other work goes on.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { FlowNode, FlowState, IdRange } from "../../core/flows/flow.ts";
import { countOf } from "../../core/flows/id-ranges.ts";
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
type LongWork = DoomedWork | CancelWork | Extract<FlowWork, { readonly kind: "prepared" }>;

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
      if (work.kind === "doomed" && countOf(work.ids) <= PAGE) short.push(work);
      else if (isLong(work)) this.#beginLong(work);
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
    return this.#cancelAll(cannotRun(ids, "Redis has lost its flow"));
  }

  /** Resolves when the pages under way are done; another replica continues. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#long.values());
  }

  #beginLong(work: LongWork): void {
    const { member } = work;
    if (this.#closing.signal.aborted || this.#long.has(member) || this.#long.size >= MAX_LONG) return;
    const done = this.#doLong(work)
      .catch(this.#parts.onError)
      .finally(() => this.#long.delete(member));
    this.#long.set(member, done);
  }

  async #doLong(work: LongWork): Promise<void> {
    const { flows } = this.#parts.queue;
    switch (work.kind) {
      case "doomed":
        if (await this.#pagesFrom(work, work.ids, 0, 0, (ids) => doomedOf(work, ids))) await flows.done([work]);
        return;
      case "prepared":
        if (await this.#pagesFrom(work, work.ids, 0, 0, dropped)) await flows.dropped(work.flow);
        return;
      case "cancel":
      case "stop":
        return this.#cancelFlow(work);
    }
  }

  async #cancelFlow(work: CancelWork): Promise<void> {
    const [state] = await this.#parts.queue.flows.read([work.flow]);
    if (!state) return;
    const isReached = work.kind === "cancel" ? isCancelled : isStopped;
    // the position counts the jobs of all nodes, whichever of them are cancelled
    let before = 0;
    for (const [index, node] of state.graph.nodes.entries()) {
      const jobs = countOf(node.ids);
      if (isUnderWay(state, index) && isReached(node, index, state) && before + jobs > work.position) {
        const isComplete = await this.#pagesFrom(work, node.ids, Math.max(0, work.position - before), before, asked);
        if (!isComplete) return;
      }
      before += jobs;
    }
    await this.#parts.queue.flows.done([work]);
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

function isLong(work: FlowWork): work is LongWork {
  return work.kind === "doomed" || work.kind === "cancel" || work.kind === "stop" || work.kind === "prepared";
}

const asked = (ids: readonly string[]): Doomed[] => ids.map((id) => ({ id }));

function cannotRun(ids: readonly string[], why: string): Doomed[] {
  const error = { code: "dependency_failed", message: `It can no longer run: ${why}.` };
  return ids.map((id) => ({ id, error }));
}

const dropped = (ids: readonly string[]): Doomed[] => cannotRun(ids, "the retry of its flow did not take place");

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

/** The ids from a position on, in pages. */
function* pagesOf(ranges: readonly IdRange[], from: number): Generator<string[]> {
  let skipped = from;
  for (const { first, count } of ranges) {
    for (let at = Math.min(skipped, count); at < count; at += PAGE)
      yield idsFrom(idAfter(first, at), Math.min(PAGE, count - at));
    skipped = Math.max(0, skipped - count);
  }
}
