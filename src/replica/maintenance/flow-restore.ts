/**
 * Puts back durable flows that Redis has lost: a part of the restore (restore.ts), which one replica leads.
 *
 *   its row runs, Redis lacks it ─▶ its jobs with a row have ended ─▶ the state that follows from these
 *     ─▶ all have ended: the row is completed
 *     ─▶ enqueue the flow in this state with the jobs that wait ─▶ enqueue the jobs that may run
 *
 * A job that has no row yet and ended before the loss runs again, like any job. Its row may be committed meanwhile by
 * the replica that ran it; the flow counts its second end, since the state was read once, before all enqueues.
 *
 * A flow is in Redis before those of its jobs that may run. If the restore ends between both, the next one finds these
 * as jobs without their flow's help: they belong to a node that has started.
 */
import { at } from "../../core/at.ts";
import { stateOf } from "../../core/flows/evaluate.ts";
import type { FlowState, IdRange } from "../../core/flows/flow.ts";
import { newState } from "../../core/flows/graph.ts";
import { idAt, positionIn } from "../../core/flows/id-ranges.ts";
import { idsFrom } from "../../core/id.ts";
import type { Submission } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import type { FlowPreset } from "../../queue/flow-fields.ts";
import type { Queue } from "../../queue/queue.ts";
import type { AcceptedJob } from "../../results/acceptance-log/reader.ts";
import type { EndedOfFlow, FlowRows, JobSlice } from "../../results/flows/flow-rows.ts";

/** Flows whose presence in Redis one step checks. */
const PAGE = 200;
/** Jobs that are enqueued together, and the bytes of their submissions in memory. */
const MAX_JOBS = 1_000;
const MAX_BYTES = 4 * 1024 * 1024;

export interface FlowRestoreParts {
  readonly queue: Pick<Queue, "clock" | "missing" | "readHeaders"> & {
    readonly flows: Pick<Queue["flows"], "missing" | "read" | "requestCancel">;
  };
  readonly rows: FlowRows;
  /** Enqueues each; rejects if that failed for one, or the outcome is unknown. */
  readonly enqueue: (all: readonly Submitted[]) => Promise<Enqueued[]>;
  /**
   * The time up to which Redis may get what was read before (epoch ms, Redis's); rejects if another replica may have
   * led since this run began.
   */
  readonly sendBy: () => Promise<number>;
  readonly onRestored: (jobs: number) => void;
}

export class FlowRestore {
  readonly #parts: FlowRestoreParts;
  /** Flows that could not be put back yet: a job of theirs is too young, or ended in Redis and is not recorded. */
  readonly #postponed = new Set<string>();

  constructor(parts: FlowRestoreParts) {
    this.#parts = parts;
  }

  /** Whether flows could not be put back yet. */
  get isBehind(): boolean {
    return this.#postponed.size > 0;
  }

  /** Discards what is postponed: another process led meanwhile. */
  reset(): void {
    this.#postponed.clear();
  }

  /** Puts back flows with ids between two ids. @param end only flows all of whose jobs have ids below it */
  async restoreBetween(above: string, below: string, end: string, signal: AbortSignal): Promise<void> {
    for (let from = above; !signal.aborted; ) {
      const ids = await this.#parts.rows.running(from, below, PAGE);
      await this.restore(ids, end);
      if (ids.length < PAGE) return;
      from = at(ids, ids.length - 1);
    }
  }

  /** Tries again with the flows that were postponed. */
  async restorePostponed(end: string): Promise<void> {
    const ids = [...this.#postponed];
    this.#postponed.clear();
    await this.restore(ids, end);
  }

  /** Puts back those of the flows that Redis lacks. */
  async restore(ids: readonly string[], end: string): Promise<void> {
    const { queue, rows } = this.#parts;
    const lost = (await rows.get(await queue.flows.missing(ids))).filter(isRunning);
    for (const [nth, flow] of lost.entries()) {
      try {
        await this.#restoreFlow(flow, end);
      } catch (error) {
        for (const { id } of lost.slice(nth)) this.#postponed.add(id);
        throw error;
      }
    }
  }

  /**
   * Puts back jobs of flows that Redis lacks, and their flows.
   * @returns those that are to be enqueued like any job: their node has started, or Postgres has no flow that runs
   */
  async restoreMembers(jobs: readonly AcceptedJob[], end: string): Promise<AcceptedJob[]> {
    const { queue, rows } = this.#parts;
    const ids = [...new Set(jobs.map(flowIdOf))];
    const before = await queue.flows.read(ids);
    const lost = new Set(ids.filter((_, i) => before[i] === undefined));
    await this.restore([...lost], end);
    const states = new Map(
      [...before, ...(await rows.get([...lost]))].flatMap((state) => (state ? [[state.id, state]] : [])),
    );
    const asJobs: AcceptedJob[] = [];
    const added = new Map<string, AcceptedJob[]>();
    for (const job of jobs) {
      const id = flowIdOf(job);
      const state = states.get(id);
      if (lost.has(id) && state?.status === "running") continue; // it came with its flow, or will
      if (state === undefined || mayRun(state, job)) asJobs.push(job);
      else if (!isInGraph(state, job)) added.set(id, [...(added.get(id) ?? []), job]);
    }
    for (const [id, list] of added) await this.#restoreAdditions(id, list, !lost.has(id));
    return asJobs;
  }

  /**
   * Adds jobs to a batch that was to get them when their replica died. Withdraws them if it does not take them anymore, and
   * jobs that were prepared for a retry that did not take place.
   */
  async #restoreAdditions(batch: string, jobs: readonly AcceptedJob[], isLive: boolean): Promise<void> {
    const { rows, sendBy, enqueue, onRestored } = this.#parts;
    const isOf = (range: IdRange): boolean => jobs.some(({ id }) => positionIn(range, id) !== undefined);
    const additions = (await rows.additions(batch)).filter(isOf);
    const isAdded = (id: string): boolean => additions.some((range) => positionIn(range, id) !== undefined);
    const prepared = jobs.flatMap(({ id }) => (isAdded(id) ? [] : [id]));
    if (prepared.length > 0) await rows.withdraw(batch, prepared);
    for (const range of additions) {
      const ids = idsFrom(range.first, range.count);
      const found = isLive ? await rows.submissions(ids) : [];
      const flow = { kind: "add", id: batch } as const;
      const submitted = {
        ids: found.map(({ id }) => id),
        submissions: found.map(({ submission }) => submission),
        flow,
      };
      const [answer] = found.length === 0 ? [] : await enqueue([{ ...submitted, sendBy: await sendBy() }]);
      if (answer?.kind === "enqueued") onRestored(found.length);
      else await rows.withdraw(batch, ids);
    }
  }

  async #restoreFlow(row: FlowState, end: string): Promise<void> {
    const { queue, rows } = this.#parts;
    const { id, graph, isOpen, closedBy, isCancelRequested } = row;
    const ended = await rows.ended(graph);
    const progress = await this.#progressOf(ended, end);
    if (!progress.isReady) {
      this.#postponed.add(id);
      return;
    }
    const state = stateOf({ ...newState({ id, graph }), isOpen, closedBy, isCancelRequested }, ended.nodes);
    if (state.status !== "running") {
      await this.#parts.sendBy(); // nobody else has put it back since its jobs were read
      await rows.save([{ ...state, finishedAt: queue.clock.now() }]);
      return;
    }
    const kept = await rows.kept(graph, ended.nodes);
    await this.#enqueueFlow({ state, kept, mayWait: progress.hasLive }, ended.slices);
  }

  /**
   * Whether the flow can be put back now. Marks the jobs that are not to be enqueued: those that Redis has all the same
   * (`hasLive`), and those that are lost, which count as cancelled: retention has deleted their rows.
   */
  async #progressOf(
    { nodes, slices }: EndedOfFlow,
    end: string,
  ): Promise<{ readonly isReady: boolean; readonly hasLive: boolean }> {
    const { queue, rows } = this.#parts;
    let hasLive = false;
    for (const slice of slices) {
      const ids = unendedOf(slice);
      if (ids.some((id) => id >= end)) return { isReady: false, hasLive };
      const missing = new Set(await queue.missing(ids));
      const stored = new Set((await rows.sizes([...missing])).map((job) => job.id));
      const live = ids.filter((id) => !missing.has(id));
      hasLive ||= live.length > 0;
      if (live.length > 0 && (await queue.readHeaders(live)).some(({ status }) => isFinished(status)))
        return { isReady: false, hasLive };
      for (const id of ids) {
        if (stored.has(id)) continue;
        slice.ended[positionIn(slice.range, id) ?? 0] = 1;
        if (!missing.has(id)) continue;
        const counts = nodes.get(slice.node) ?? { completed: 0, failed: 0, cancelled: 0 };
        nodes.set(slice.node, { ...counts, cancelled: counts.cancelled + 1, cause: counts.cause ?? id });
      }
    }
    return { isReady: true, hasLive };
  }

  async #enqueueFlow(preset: FlowPreset, slices: readonly JobSlice[]): Promise<void> {
    const { queue, sendBy, enqueue, onRestored } = this.#parts;
    const { state } = preset;
    const { id, graph } = state;
    const isStarted = ({ node }: JobSlice): boolean => at(state.nodes, node).isStarted;
    const waiting = slices.filter((slice) => !isStarted(slice)).flatMap(unendedOf);
    const waitingJobs: AcceptedJob[] = [];
    for await (const part of this.#submissionsOf([waiting])) waitingJobs.push(...part);
    const flow = { kind: "new", id, graph, preset } as const;
    const ids = waitingJobs.map((job) => job.id);
    await enqueue([
      { ids, submissions: waitingJobs.map(({ submission }) => submission), flow, sendBy: await sendBy() },
    ]);
    let count = ids.length;
    for await (const part of this.#submissionsOf(slices.filter(isStarted).map(unendedOf))) {
      const by = await sendBy();
      await enqueue(part.map((job) => ({ ids: [job.id], submissions: [job.submission], sendBy: by })));
      count += part.length;
    }
    // the first look for jobs to cancel may have come before these
    if (state.isCancelRequested) await queue.flows.requestCancel(id);
    onRestored(count);
  }

  /** The submissions of jobs, as many at once as fit into memory. */
  async *#submissionsOf(lists: Iterable<readonly string[]>): AsyncGenerator<{ id: string; submission: Submission }[]> {
    const { rows } = this.#parts;
    for (const ids of lists) {
      let part: string[] = [];
      let bytes = 0;
      for (const { id, bytes: own } of await rows.sizes(ids)) {
        if (part.length === MAX_JOBS || (part.length > 0 && bytes + own > MAX_BYTES)) {
          yield await rows.submissions(part);
          [part, bytes] = [[], 0];
        }
        part.push(id);
        bytes += own;
      }
      if (part.length > 0) yield await rows.submissions(part);
    }
  }
}

function isRunning({ status, graph }: FlowState): boolean {
  return status === "running" && graph.isDurable === true;
}

function flowIdOf({ submission }: AcceptedJob): string {
  return submission.options.flow?.id ?? "";
}

function isInGraph({ graph }: FlowState, { id, submission }: AcceptedJob): boolean {
  const node = graph.nodes[submission.options.flow?.at ?? 0];
  return node?.ids.some((range) => positionIn(range, id) !== undefined) ?? false;
}

/** Whether Redis may run the job, as far as its flow goes: nothing that it waits for has to come. */
function mayRun(state: FlowState, job: AcceptedJob): boolean {
  if (!isInGraph(state, job)) return false;
  const node = state.nodes[job.submission.options.flow?.at ?? 0];
  return state.status !== "running" || (node?.isStarted === true && node.outcome === null);
}

function unendedOf({ range, ended }: JobSlice): string[] {
  const ids: string[] = [];
  ended.forEach((flag, position) => {
    if (flag === 0) ids.push(idAt(range, position));
  });
  return ids;
}
