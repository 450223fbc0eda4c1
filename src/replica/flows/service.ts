/** Flows for the API: those that run are in Redis, those that have ended in Postgres. */
import type { FlowState } from "../../core/flows/flow.ts";
import type {
  AddedJobs,
  FlowFilter,
  FlowJobsFilter,
  FlowJobsPage,
  FlowPage,
  FlowSubmission,
  FlowSubmitted,
  Flows,
  RetriedFlow,
  RetryOptions,
} from "../../core/flows/flows.ts";
import { joiner } from "../../core/flows/graph.ts";
import { idsFrom } from "../../core/id.ts";
import type { Submission } from "../../core/job.ts";
import { CodedError, QueueUnavailable } from "../../errors.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";
import type { Store } from "../../results/store.ts";
import type { Enqueue } from "../submission-pipeline.ts";
import { jobsPage } from "./flow-jobs.ts";
import { flowPage } from "./flow-list.ts";
import { flowRunning, retry } from "./flow-retry.ts";

export interface FlowServiceParts {
  readonly queue: Pick<Queue, "flows" | "ids" | "knownKey" | "read" | "readHeaders" | "liveCount">;
  readonly store: Pick<Store, "range">;
  readonly flowStore: FlowStore;
  /** The submission pipeline. */
  readonly enqueue: Enqueue;
  /** Stores the row of a flow that has ended, and forgets the flow in Redis. */
  readonly storeEnded: (id: string) => Promise<void>;
}

export class FlowService implements Flows {
  readonly #parts: FlowServiceParts;

  constructor(parts: FlowServiceParts) {
    this.#parts = parts;
  }

  async submit({ flow: { id, graph, jobs }, idempotency }: FlowSubmission): Promise<FlowSubmitted> {
    const answer = await this.#enqueue({
      ids: jobs.map((job) => job.id),
      submissions: jobs.map(({ submission }) => submission),
      flow: { kind: "new", id, graph },
      idempotency,
    });
    if (answer.kind === "enqueued") return { kind: "accepted", id };
    if (answer.kind === "replayed" || answer.kind === "conflict") return { kind: answer.kind, id: answer.firstId };
    throw failureOf(answer, id);
  }

  async add(
    id: string,
    submissions: readonly Submission[],
    { from, idempotency }: Parameters<Flows["add"]>[2],
  ): Promise<AddedJobs> {
    const state = await this.#existing(id);
    if (state.graph.kind !== "batch") throw notFound("batch", id);
    const isEnded = state.finishedAt !== null;
    if (isEnded && !idempotency) throw closed(id); // otherwise it may repeat an addition of before
    const { queue } = this.#parts;
    const ids = idsFrom(queue.ids.next(submissions.length), submissions.length);
    const join = joiner(id, state.graph, 0);
    const flow = { kind: "add", id, ...(from !== undefined && { from }) } as const;
    const joined = submissions.map((submission) => join(submission, false));
    const answer = await this.#enqueue({ ids, submissions: joined, flow, idempotency });
    if (answer.kind === "enqueued") return { kind: "accepted", ids };
    if (answer.kind === "replayed") return { kind: "replayed", ids: idsFrom(answer.firstId, submissions.length) };
    if (answer.kind === "conflict") throw reused(answer.firstId);
    throw isEnded && answer.kind === "missing" ? closed(id) : failureOf(answer, id);
  }

  async close(id: string): Promise<FlowState> {
    const answer = await this.#parts.queue.flows.close(id, "caller");
    const state = await this.#changed(id, answer === "missing");
    if (answer === "closed") await this.#note(state);
    return state;
  }

  async get(id: string): Promise<FlowState | undefined> {
    const { queue, flowStore } = this.#parts;
    let failure: CodedError | undefined;
    try {
      const [live] = await queue.flows.read([id]);
      if (live) return live;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      failure = error; // an ended flow can be read all the same
    }
    const [stored] = await flowStore.get([id]);
    if (failure && stored?.finishedAt == null) throw failure;
    return stored;
  }

  list(filter: FlowFilter): Promise<FlowPage> {
    return flowPage(this.#parts, filter);
  }

  async jobs(id: string, filter: FlowJobsFilter): Promise<FlowJobsPage | undefined> {
    const state = await this.get(id);
    return state && jobsPage(this.#parts, state, filter);
  }

  dropResults(id: string, nodes: readonly number[]): Promise<void> {
    return this.#parts.queue.flows.dropResults(id, nodes);
  }

  async cancel(id: string): Promise<FlowState> {
    const answer = await this.#parts.queue.flows.requestCancel(id);
    const state = await this.#changed(id, answer === "missing");
    if (answer === "requested") await this.#note(state);
    return state;
  }

  async retry(id: string, { from, idempotency, onAccepted }: RetryOptions): Promise<RetriedFlow> {
    let state = await this.#existing(id);
    if (await this.#isRetryKnown(state, idempotency)) return { kind: "replayed", state };
    try {
      if (state.finishedAt !== null) {
        await this.#parts.storeEnded(id);
        state = await this.#existing(id);
      }
      if (state.finishedAt === null) throw flowRunning(id);
      const enqueue = (submitted: Submitted): Promise<Enqueued> =>
        this.#enqueue(submitted.flow?.kind === "new" ? { ...submitted, idempotency } : submitted);
      await retry({ ...this.#parts, enqueue, onAccepted }, state, from);
      return { kind: "accepted", state: await this.#existing(id) };
    } catch (error) {
      // Perhaps another request with the same key was a moment earlier, or the answer to its first try was lost.
      const isRejected = error instanceof CodedError && error.status === 409;
      if (isRejected && (await this.#isRetryKnown(state, idempotency)))
        return { kind: "replayed", state: await this.#existing(id) };
      throw error;
    }
  }

  /** Whether a retry with this key has taken place. Throws if the key was used for another retry. */
  async #isRetryKnown({ graph }: FlowState, idempotency: RetryOptions["idempotency"]): Promise<boolean> {
    if (!idempotency) return false;
    const { queue, flowStore } = this.#parts;
    const { key, fingerprint } = idempotency;
    const known = (await queue.knownKey(key)) ?? (graph.isDurable ? await flowStore.knownKey(key) : undefined);
    if (known && known.fingerprint !== fingerprint) throw retriedOtherwise();
    return known !== undefined;
  }

  /** Postgres remembers a change of a durable flow, for a restore. */
  async #note({ id, graph, closedBy, isCancelRequested }: FlowState): Promise<void> {
    if (graph.isDurable) await this.#parts.flowStore.note(id, { closedBy, isCancelRequested });
  }

  #enqueue(submitted: Submitted): Promise<Enqueued> {
    return new Promise((resolve) => this.#parts.enqueue(submitted, resolve));
  }

  async #existing(id: string): Promise<FlowState> {
    const state = await this.get(id);
    if (!state) throw notFound("flow", id);
    return state;
  }

  /** The flow after a change. @param isMissing Redis does not have it */
  async #changed(id: string, isMissing: boolean): Promise<FlowState> {
    const state = await this.#existing(id);
    if (isMissing && state.finishedAt === null)
      throw new QueueUnavailable(`The flow ${id} is not in Redis yet: TaskFlow restores it within a few minutes.`);
    return state;
  }
}

function notFound(noun: "flow" | "batch", id: string): CodedError {
  return new CodedError(`${noun}_not_found`, 404, `There is no ${noun} with the id ${id}.`);
}

function closed(id: string): CodedError {
  return new CodedError("batch_closed", 409, `The batch ${id} is closed: no more jobs can be added.`);
}

function retriedOtherwise(): CodedError {
  return new CodedError("idempotency_key_reused", 422, "This Idempotency-Key was used for another retry.");
}

function reused(firstId: string): CodedError {
  const message = `This Idempotency-Key was used with another body, which created the job ${firstId}.`;
  return new CodedError("idempotency_key_reused", 422, message);
}

/** The error of a submission that was not accepted. */
function failureOf(answer: Enqueued, id: string): CodedError {
  if (answer.kind === "failed") return answer.error;
  if (answer.kind === "full") return new CodedError("batch_full", 409, `The batch ${id} cannot have so many jobs.`);
  return answer.kind === "closed" ? closed(id) : notFound("batch", id);
}
