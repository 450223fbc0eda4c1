/**
 * Flows in Redis beside their evaluation (core/flows/evaluate.ts): each change is applied to both, and then both must
 * agree about each node, and about which jobs wait.
 */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import { at } from "../core/at.ts";
import { addJobs, begin, close, endJobs, requestCancel } from "../core/flows/evaluate.ts";
import type { FlowState, NewFlow } from "../core/flows/flow.ts";
import { newState } from "../core/flows/graph.ts";
import { idAfter } from "../core/id.ts";
import type { Job, TerminalStatus } from "../core/job.ts";
import type { Cancellation } from "../queue/cancellation.ts";
import { WORK_CODE } from "../queue/codes.ts";
import type { Enqueued } from "../queue/enqueuer.ts";
import type { FlowWork } from "../queue/flows.ts";
import type { Queue } from "../queue/queue.ts";
import type { SettleAnswer, Settlement } from "../queue/settlement.ts";
import type { Ended, Ending, Event, EventCounts, Kept } from "./flow-events.ts";
import { expectCounts, expectKept, groupedEnds, planRetry, settlementOf, verdictOf } from "./flow-events.ts";
import { FAR_AHEAD, retrySubmissions } from "./flow-retry.ts";
import { enqueueRaw, ioSlots } from "./queue.ts";
import { jobOf } from "./random-flows.ts";

const OWNED_MS = 3_600_000;
interface Side {
  state: FlowState;
  readonly nodeOf: Map<string, number>;
  /** By the index of the node. */
  readonly kept: Map<number, Kept>;
}

export class FlowSides {
  readonly flows = new Map<string, Side>();
  /** How each job ended. */
  readonly ended = new Map<string, TerminalStatus>();
  /** Flows that have ended, and whose rows Postgres has. */
  readonly recorded = new Map<string, Omit<Side, "nodeOf">>();
  readonly leases: Job[] = [];
  /** The jobs that were claimed, and not settled since. */
  readonly running = new Set<string>();
  /** Settlements that were answered: to be repeated. */
  readonly settled: Settlement[] = [];
  readonly #lost = new Set<string>();
  readonly #forgotten = new Set<string>();
  readonly #queue: Queue;
  readonly #redis: Redis;
  readonly #ns: string;
  readonly #happened: EventCounts;
  #accepted = 0;
  #seq = 0;

  constructor(queue: Queue, redis: Redis, { ns, happened }: { readonly ns: string; readonly happened: EventCounts }) {
    this.#queue = queue;
    this.#redis = redis;
    this.#ns = ns;
    this.#happened = happened;
  }

  async submit({ id, graph, jobs }: NewFlow): Promise<void> {
    for (let times = 0; times < 2; times += 1) {
      const answer = await enqueueRaw(this.#queue, {
        ids: jobs.map((job) => job.id),
        submissions: jobs.map(({ submission }) => submission),
        flow: { kind: "new", id, graph },
      });
      expect(answer).toEqual({ kind: "enqueued" }); // the second time it changes nothing
    }
    const nodeOf = new Map(jobs.map((job) => [job.id, job.submission.options.flow?.at ?? -1]));
    this.flows.set(id, { state: begin(newState({ id, graph })).state, nodeOf, kept: new Map() });
    this.#accepted += jobs.length;
  }

  /** Runs parts of a flow that has ended again. @param from numbers of any size, which choose nodes; empty for none */
  async retry(id: string, from: readonly number[], firstId: string): Promise<void> {
    const earlier = this.recorded.get(id);
    if (!earlier) return;
    const plan = planRetry(earlier, this.ended, from, firstId);
    if (!plan) return;
    const { state, jobs, kept, event } = plan;
    const submissions = retrySubmissions(id, plan, firstId);
    for (const one of submissions) expect(await enqueueRaw(this.#queue, one)).toEqual({ kind: "enqueued" });
    if (submissions.length > 1) this.#note("prepared");
    this.recorded.delete(id);
    this.flows.set(id, { state, nodeOf: new Map(jobs.map((job) => [job.id, job.node])), kept: new Map(kept) });
    this.#accepted += jobs.length;
    this.#note(event);
  }

  async claim(slots: number): Promise<void> {
    this.#seq += 1;
    const { claimed, lost } = await this.#queue.claim(this.#seq, 1, ioSlots({ noop: slots }));
    for (const job of claimed) {
      const { state } = this.#sideOf(job);
      expect(at(state.nodes, job.options.flow?.at ?? -1).isStarted).toBe(true);
    }
    this.#note("lost lease", lost.length);
    for (const { id } of lost) this.#lost.add(id);
    this.leases.push(...lost, ...claimed);
    for (const { id } of claimed) this.running.add(id);
  }

  async settle(ends: readonly { readonly job: Job; readonly how: Ending }[]): Promise<readonly SettleAnswer[]> {
    const settlements = ends.map(settlementOf);
    const answers = await this.#queue.settle(settlements, OWNED_MS);
    ends.forEach(({ job, how }, i) => {
      if (answers[i] !== "done") return;
      this.running.delete(job.id);
      this.#note(how);
      if (this.#lost.delete(job.id) && how === "failed") this.#note("lost lease judged");
    });
    this.#end(
      ends.flatMap(({ job, how }, i): Ended[] => {
        const verdict = verdictOf(how);
        return answers[i] === "done" && verdict !== "retry" && verdict !== "released" ? [{ job, how: verdict }] : [];
      }),
    );
    this.settled.push(...settlements.filter((_, i) => answers[i] === "done"));
    return answers;
  }

  /** Settles again what was settled before. */
  async settleAgain(which: readonly Settlement[]): Promise<void> {
    const answers = await this.#queue.settle(which, OWNED_MS);
    expect(answers.filter((answer) => answer === "done" || answer === "cancelRequested")).toEqual([]);
    this.#note("settled again", which.length);
  }

  async cancel(cancellations: readonly Cancellation[]): Promise<void> {
    const answers = await this.#queue.cancelMany(cancellations, OWNED_MS, () => undefined);
    answers.forEach(({ kind }, i) => {
      const { error } = at(cancellations, i);
      if (kind === "running") this.#note("asked to stop");
      if (kind === "cancelled") this.#note((error?.code as Event | undefined) ?? "cancelled while it waits");
    });
    this.#end(
      answers.flatMap((answer): Ended[] =>
        answer.kind === "cancelled" ? [{ job: answer.job, how: "cancelled" }] : [],
      ),
    );
  }

  async requestCancel(id: string): Promise<void> {
    const side = this.flows.get(id);
    const wasRunning = side?.state.status === "running";
    expect(await this.#queue.flows.requestCancel(id)).toBe(!side ? "missing" : wasRunning ? "requested" : "ended");
    if (side) side.state = requestCancel(side.state).state;
    if (wasRunning) this.#note("flow cancelled");
  }

  async close(id: string, by: "caller" | "timeout"): Promise<void> {
    const side = this.flows.get(id);
    expect(await this.#queue.flows.close(id, by)).toBe(!side ? "missing" : side.state.isOpen ? "closed" : "unchanged");
    if (side?.state.isOpen) this.#note(by === "caller" ? "closed by its caller" : "closed by timeout");
    if (side) side.state = close(side.state, by).state;
  }

  async add(id: string, first: string, count: number, from: string | undefined): Promise<void> {
    const side = this.flows.get(id);
    if (!side) return;
    const ids = Array.from({ length: count }, (_, nth) => idAfter(first, nth));
    const { state } = side;
    const submissions = ids.map(() => jobOf(id, state.graph, 0, undefined, FAR_AHEAD));
    const isMember = from !== undefined && side.nodeOf.has(from) && this.running.has(from);
    const isClosed = state.isCancelRequested || at(state.nodes, 0).outcome !== null || !(state.isOpen || isMember);
    const expected = state.graph.kind !== "batch" ? "missing" : isClosed ? "closed" : "enqueued";
    for (let times = 0; times < 2; times += 1) {
      const flow = { kind: "add", id, ...(from !== undefined && { from }) } as const;
      const answer: Enqueued = await enqueueRaw(this.#queue, { ids, submissions, flow });
      expect(answer.kind).toBe(expected);
    }
    this.#note(expected !== "enqueued" ? "not added" : state.isOpen ? "added while open" : "added by a running job");
    if (expected !== "enqueued") return;
    this.#accepted += count;
    const [batch, ...others] = state.graph.nodes;
    if (!batch) throw new Error("a batch without nodes");
    const nodes = [{ ...batch, ids: [...batch.ids, { first, count }] }, ...others];
    side.state = addJobs({ ...state, graph: { ...state.graph, nodes } }, count);
    for (const one of ids) side.nodeOf.set(one, 0);
  }

  /** Takes work. @param isDone false: the replica dies, and another one does it later */
  async work(limit: number, isDone: boolean): Promise<number> {
    const { works } = await this.#queue.flows.take(limit);
    if (isDone) for (const work of works) await this.#do(work);
    else if (works.length > 0) {
      await this.#redis.zadd(`${this.#ns}flow_work`, "XX", ...works.flatMap(({ member }) => [1, member]));
      this.#note("dead replica");
    }
    return works.length;
  }

  async #do(work: FlowWork): Promise<void> {
    const { flows } = this.#queue;
    const side = this.flows.get(work.flow);
    if (!side) return flows.done([work]); // an earlier piece of work has forgotten it
    const { state } = side;
    if (work.kind === "advance") return flows.advance([work.flow]);
    if (work.kind === "close") return this.close(work.flow, "timeout");
    if (work.kind === "ended") {
      expect(state.status).not.toBe("running");
      expect([...side.nodeOf.keys()].filter((id) => !this.ended.has(id))).toEqual([]);
      await flows.forget([work.flow]);
      this.flows.delete(work.flow);
      this.recorded.set(work.flow, side);
      return;
    }
    if (work.kind === "doomed") {
      const { doomed, cause } = at(state.nodes, work.node);
      if (doomed !== undefined) expect([work.code, work.cause?.id ?? null]).toEqual([doomed, cause]);
      const ids = work.ids.flatMap(({ first, count }) => Array.from({ length: count }, (_, n) => idAfter(first, n)));
      await this.cancel(ids.map((id) => ({ id, error: { code: work.code, message: "It could not run." } })));
    } else {
      if (work.kind === "stop") this.#note("flow stopped");
      const isAsked = (node: number): boolean =>
        at(state.nodes, node).isStarted &&
        (work.kind === "stop"
          ? at(state.graph.nodes, node).when === "succeeded"
          : state.graph.kind !== "batch" || node === 0);
      await this.cancel([...side.nodeOf].filter(([, node]) => isAsked(node)).map(([id]) => ({ id })));
    }
    await flows.done([work]);
  }

  async expireLeases(): Promise<void> {
    const leased = await this.#redis.zrange(`${this.#ns}leased`, "0", "-1");
    if (leased.length > 0) await this.#redis.zadd(`${this.#ns}leased`, ...leased.flatMap((id) => [1, id]));
  }

  /** Delayed jobs, and open batches that nobody has closed. */
  async makeDue(): Promise<void> {
    const work = await this.#redis.zrange(`${this.#ns}flow_work`, "0", "-1");
    const closing = work.filter((member) => member.startsWith(WORK_CODE.close));
    if (closing.length > 0) await this.#redis.zadd(`${this.#ns}flow_work`, ...closing.flatMap((member) => [1, member]));
    const ids = await this.#redis.zrange(`${this.#ns}scheduled`, "0", "-1");
    if (ids.length > 0) await this.#redis.zadd(`${this.#ns}scheduled`, ...ids.flatMap((id) => [1, id]));
  }

  /** Postgres has stored the jobs that have ended. */
  async forget(): Promise<void> {
    const ids = [...this.ended.keys()];
    await this.#queue.forget(ids.map((id) => ({ id, type: "noop", isAttempted: true })));
    const isOfLive = (id: string): boolean => [...this.flows.values()].some(({ nodeOf }) => nodeOf.has(id));
    this.#note("forgotten before the flow ended", ids.filter((id) => !this.#forgotten.has(id) && isOfLive(id)).length);
    for (const id of ids) this.#forgotten.add(id);
  }

  /** Erases what the jobs contain, as far as they have ended; a flow keeps nothing of them. */
  async erase(ids: readonly string[]): Promise<void> {
    const inRedis = ids.filter((id) => this.ended.has(id) && !this.#forgotten.has(id));
    expect(await this.#queue.erase(ids)).toBe(inRedis.length);
    this.#note("erased while live", ids.filter((id) => !this.ended.has(id)).length);
    for (const id of inRedis)
      for (const { nodeOf, kept } of this.flows.values())
        if (kept.delete(nodeOf.get(id) ?? -1)) this.#note("result erased");
  }

  async expectSame(): Promise<void> {
    const ids = [...this.flows.keys()];
    const found = await this.#queue.flows.read(ids);
    ids.forEach((id, i) => {
      const { state } = this.flows.get(id) as Side;
      const finishedAt = found[i]?.finishedAt ?? null;
      expect(found[i]).toEqual({ ...state, finishedAt });
      expect(finishedAt === null).toBe(state.status === "running");
    });
    const waiting = await this.#redis.zrange(`${this.#ns}waiting`, "0", "-1");
    expect(waiting.sort()).toEqual(this.#waiting().sort());
    const forgotten = this.#forgotten.size;
    const jobs = { accepted: this.#accepted, ended: [...this.ended.values()], forgotten, waiting: waiting.length };
    expectCounts(await this.#queue.jobCounts(), { ...jobs, running: this.running.size });
    for (const { state, kept } of this.flows.values()) {
      const found = await this.#queue.flows.results(state.id, [...state.graph.nodes.keys()]);
      expectKept(found, kept);
    }
  }

  #waiting(): string[] {
    return [...this.flows.values()].flatMap(({ state, nodeOf }) =>
      [...nodeOf].filter(([id, node]) => !at(state.nodes, node).isStarted && !this.ended.has(id)).map(([id]) => id),
    );
  }

  #end(ends: readonly Ended[]): void {
    for (const { job, how } of ends) {
      if (this.ended.has(job.id)) throw new Error(`${job.id} has ended twice`);
      this.ended.set(job.id, how);
      this.#keep(job, how);
    }
    for (const { job, jobs } of groupedEnds(ends)) {
      const side = this.#sideOf(job);
      side.state = endJobs(side.state, job.options.flow?.at ?? -1, jobs).state;
    }
  }

  /** A batch keeps its first error, and no result. */
  #keep(job: Job, how: TerminalStatus): void {
    const { state, kept } = this.#sideOf(job);
    const node = job.options.flow?.at ?? -1;
    const { keeps, type } = at(state.graph.nodes, node);
    if (!keeps || (type === null && how === "completed")) return;
    const values = kept.get(node) ?? {};
    kept.set(node, values);
    if (how === "completed") values.result ??= `"${job.id}"`;
    else values.error ??= JSON.stringify({ code: how });
  }

  #note(event: Event, times = 1): void {
    if (times > 0) this.#happened.set(event, (this.#happened.get(event) ?? 0) + times);
  }

  #sideOf(job: Job): Side {
    const side = this.flows.get(job.options.flow?.id ?? "");
    if (!side) throw new Error(`${job.id} belongs to no flow`);
    return side;
  }
}
