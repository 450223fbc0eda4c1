/** Batches: many jobs with common counts, and callbacks when they have ended. */
import type { CallOptions, KeyedOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type { AcceptedJob, Batch, FlowReceipt } from "./contract.ts";
import { type BatchDefinition, batchWire } from "./flow-definition.ts";
import { type FlowWaitOptions, statesOf, waitForEnd } from "./flow-events.ts";
import { type FlowJobPage, type FlowJobsOptions, type FlowListOptions, jobPagesOf, retryAt } from "./flows.ts";
import type { ListedJob } from "./job-list.ts";
import { pagesAt } from "./pages.ts";
import { batchPath } from "./paths.ts";
import { acceptJobs, batchesOf, type Submissions } from "./submission.ts";
import type { Transport } from "./transport.ts";

export type BatchListOptions = Omit<FlowListOptions, "kind">;

export interface BatchPage {
  batches: Batch[];
  /** Continues the list after this page; null after the last one. A page may be empty before that. */
  next_cursor: string | null;
}

export type BatchJobsOptions = Omit<FlowJobsOptions, "node">;

export interface AddOptions extends KeyedOptions {
  /** A running job of the batch: its handler may add jobs to a batch that is not open. */
  readonly from?: string | undefined;
}

export class BatchCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Submits any number of jobs as one batch. Up to 10,000 jobs and 16 MiB are one request, accepted as a whole or not at
   * all. More jobs are added to a batch that is open meanwhile; where that fails, the same call with the same
   * `idempotencyKey` continues.
   * @throws TaskFlowError `validation_failed` (422) with all `errors`; as `submitMany`
   */
  async submit(
    jobs: Submissions,
    definition: BatchDefinition = {},
    { idempotencyKey = randomKey(), signal }: KeyedOptions = {},
  ): Promise<Batch> {
    const parts = batchesOf(jobs, this.#transport.codec);
    const first = await parts.next();
    const second = first.done === true ? first : await parts.next();
    const isOpen = definition.open === true || second.done !== true;
    const fields = this.#transport.codec.stringify(batchWire({ ...definition, open: isOpen })).slice(1);
    const jobsJson = first.done === true ? '{"jobs":[]}' : first.value.body;
    const batch: Batch = await this.#transport.json({
      method: "POST",
      path: "/api/v1/batches",
      body: `${jobsJson.slice(0, -1)},${fields}`,
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
      isRepeatable: true,
    });
    if (second.done === true) return batch;
    const path = `${batchPath(batch.id)}/jobs`;
    const call = { path, idempotencyKey, signal };
    const added = (await acceptJobs(this.#transport, call, restOf(second.value, parts))).length;
    const { total, counts } = batch;
    const grown = { ...batch, total: total + added, counts: { ...counts, unfinished: counts.unfinished + added } };
    if (definition.open === true) return grown;
    const closed = await this.close(batch.id, { signal });
    return "counts" in closed ? closed : { ...grown, ...closed, open: false };
  }

  /** @throws TaskFlowError `batch_not_found` (404) */
  get(id: string, { signal }: CallOptions = {}): Promise<Batch> {
    return this.#transport.json({ method: "GET", path: batchPath(id), signal, isRepeatable: true });
  }

  /** Batches that match the filters, newest first. Pages are fetched as the loop needs them. */
  async *list(options: BatchListOptions = {}): AsyncGenerator<Batch, void> {
    for await (const page of this.pages(options)) yield* page.batches;
  }

  /** The pages of {@link list}. */
  pages({ signal, pageSize, cursor, ...filters }: BatchListOptions = {}): AsyncGenerator<BatchPage, void> {
    return pagesAt(this.#transport, "/api/v1/batches", { ...filters, limit: pageSize, cursor }, signal);
  }

  /** The jobs of a batch, in the order in which they were added. Pages are fetched as the loop needs them. */
  async *jobs<Options extends BatchJobsOptions = object>(
    id: string,
    options?: Options,
  ): AsyncGenerator<ListedJob<Options>, void> {
    for await (const page of this.jobPages(id, options)) yield* page.jobs;
  }

  /** The pages of {@link jobs}. */
  jobPages<Options extends BatchJobsOptions = object>(
    id: string,
    options?: Options,
  ): AsyncGenerator<FlowJobPage<ListedJob<Options>>, void> {
    return jobPagesOf(this.#transport, batchPath(id), options ?? {});
  }

  /**
   * Adds any number of jobs to an open batch, in requests of up to 10,000 jobs and 16 MiB, as `submitMany`.
   * @returns ids and statuses, in the order of `jobs`
   * @throws TaskFlowError `batch_closed` or `batch_full` (409); as `submitMany`
   */
  add(
    id: string,
    jobs: Submissions,
    { from, idempotencyKey = randomKey(), signal }: AddOptions = {},
  ): Promise<AcceptedJob[]> {
    const path = `${batchPath(id)}/jobs${from === undefined ? "" : `?from=${encodeURIComponent(from)}`}`;
    return acceptJobs(this.#transport, { path, idempotencyKey, signal }, batchesOf(jobs, this.#transport.codec));
  }

  /**
   * Closes an open batch; it ends when its jobs have ended.
   * @returns the batch; to a key without the scope `read`, as {@link cancel}
   */
  close(id: string, { signal }: CallOptions = {}): Promise<Batch | FlowReceipt> {
    return this.#transport.json({ method: "POST", path: `${batchPath(id)}/close`, signal, isRepeatable: true });
  }

  /**
   * Cancels every job that has not ended. The callback `onComplete` runs.
   * @returns the batch, still `running` until its jobs have ended; to a key without the scope `read`, which may cancel
   *   what it submitted, only id and status
   * @throws TaskFlowError `flow_finished` (409)
   */
  cancel(id: string, { signal }: CallOptions = {}): Promise<Batch | FlowReceipt> {
    return this.#transport.json({ method: "DELETE", path: batchPath(id), signal, isRepeatable: true });
  }

  /**
   * Runs the failed and cancelled jobs of a batch that has ended again, as new jobs.
   * @returns the batch, `running` again; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `flow_running`, `nothing_to_retry` or `payload_erased` (409)
   */
  retry(id: string, options: KeyedOptions = {}): Promise<Batch | FlowReceipt> {
    return retryAt(this.#transport, batchPath(id), options);
  }

  /** The states of a batch as it changes, from the current one to its end. Reconnects if a connection ends. */
  events(id: string, options: CallOptions = {}): AsyncGenerator<Batch, void> {
    return statesOf(this.#transport, batchPath(id), options);
  }

  /** Waits until a batch has ended. @throws TaskFlowError `wait_timeout`; as {@link get} */
  waitFor(id: string, options: FlowWaitOptions<Batch> = {}): Promise<Batch> {
    return waitForEnd(this.#transport, { path: batchPath(id), id, what: `The batch ${id}` }, options);
  }
}

/** Parts that follow the first one, of which one more was read already. */
async function* restOf<Part>(next: Part, parts: AsyncIterable<Part>): AsyncGenerator<Part, void> {
  yield next;
  yield* parts;
}
