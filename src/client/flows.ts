/** Flows: jobs that wait for each other. */
import type { CallOptions, KeyedOptions } from "./call-options.ts";
import { randomKey } from "./call-options.ts";
import type { Flow, FlowReceipt, FlowSummary, Job, Status } from "./contract.ts";
import { type FlowDefinition, flowWire } from "./flow-definition.ts";
import { type FlowWaitOptions, statesOf, waitForEnd } from "./flow-events.ts";
import type { JobSummary, ListedJob } from "./job-list.ts";
import { pagesAt } from "./pages.ts";
import { flowPath } from "./paths.ts";
import type { Transport } from "./transport.ts";

export interface FlowListOptions extends CallOptions {
  readonly status?: Flow["status"] | readonly Flow["status"][] | undefined;
  readonly kind?: Flow["kind"] | readonly Flow["kind"][] | undefined;
  readonly name?: string | undefined;
  /** How many one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
  /** The `next_cursor` of a page: the list continues after it. */
  readonly cursor?: string | undefined;
}

export interface FlowPage {
  flows: FlowSummary[];
  /** Continues the list after this page; null after the last one. A page may be empty before that. */
  next_cursor: string | null;
}

export interface FlowJobsOptions extends CallOptions {
  /** Only the jobs of this node. */
  readonly node?: string | undefined;
  readonly status?: Status | readonly Status[] | undefined;
  /** `summary` leaves out payloads and results. Default: `full`. */
  readonly view?: "full" | "summary" | undefined;
  /** How many one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
  /** The `next_cursor` of a page: the list continues after it. */
  readonly cursor?: string | undefined;
}

export interface FlowJobPage<Listed = Job> {
  jobs: Listed[];
  /** Continues the list after this page; null after the last one. A page may be empty before that. */
  next_cursor: string | null;
}

export interface FlowRetryOptions extends KeyedOptions {
  /** Run these nodes and all nodes after them again, completed ones too. Default: the failed part. */
  readonly from?: readonly string[] | undefined;
}

export class FlowCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Submits a flow as a whole.
   * @throws TaskFlowError `validation_failed` (422) with the `errors` of all nodes; as `submit` of one job
   */
  submit(definition: FlowDefinition, { idempotencyKey = randomKey(), signal }: KeyedOptions = {}): Promise<Flow> {
    return this.#transport.json({
      method: "POST",
      path: "/api/v1/flows",
      body: this.#transport.codec.stringify(flowWire(definition)),
      headers: { "Idempotency-Key": idempotencyKey },
      signal,
      isRepeatable: true,
    });
  }

  /** @returns the flow and its nodes; also a batch, as nodes @throws TaskFlowError `flow_not_found` (404) */
  get(id: string, { signal }: CallOptions = {}): Promise<Flow> {
    return this.#transport.json({ method: "GET", path: flowPath(id), signal, isRepeatable: true });
  }

  /** Flows and batches that match the filters, newest first. Pages are fetched as the loop needs them. */
  async *list(options: FlowListOptions = {}): AsyncGenerator<FlowSummary, void> {
    for await (const page of this.pages(options)) yield* page.flows;
  }

  /** The pages of {@link list}. */
  pages({ signal, pageSize, cursor, ...filters }: FlowListOptions = {}): AsyncGenerator<FlowPage, void> {
    return pagesAt(this.#transport, "/api/v1/flows", { ...filters, limit: pageSize, cursor }, signal);
  }

  /** The jobs of a flow, in the order in which they were submitted. Pages are fetched as the loop needs them. */
  async *jobs<Options extends FlowJobsOptions = object>(
    id: string,
    options?: Options,
  ): AsyncGenerator<ListedJob<Options>, void> {
    for await (const page of this.jobPages(id, options)) yield* page.jobs;
  }

  /** The pages of {@link jobs}. */
  jobPages<Options extends FlowJobsOptions = object>(
    id: string,
    options?: Options,
  ): AsyncGenerator<FlowJobPage<ListedJob<Options>>, void> {
    return jobPagesOf(this.#transport, flowPath(id), options ?? {});
  }

  /**
   * Cancels every job that has not ended.
   * @returns the flow, still `running` until its jobs have ended; to a key without the scope `read`, which may cancel
   *   what it submitted, only id and status
   * @throws TaskFlowError `flow_finished` (409)
   */
  cancel(id: string, { signal }: CallOptions = {}): Promise<Flow | FlowReceipt> {
    return this.#transport.json({ method: "DELETE", path: flowPath(id), signal, isRepeatable: true });
  }

  /**
   * Runs the failed part of a flow that has ended again, as new jobs.
   * @returns the flow, `running` again; to a key without the scope `read`, as {@link cancel}
   * @throws TaskFlowError `flow_running`, `nothing_to_retry` or `payload_erased` (409)
   */
  retry(id: string, options: FlowRetryOptions = {}): Promise<Flow | FlowReceipt> {
    return retryAt(this.#transport, flowPath(id), options);
  }

  /** The states of a flow as it changes, from the current one to its end. Reconnects if a connection ends. */
  events(id: string, options: CallOptions = {}): AsyncGenerator<Flow, void> {
    return statesOf(this.#transport, flowPath(id), options);
  }

  /** Waits until a flow has ended. @throws TaskFlowError `wait_timeout`; as {@link get} */
  waitFor(id: string, options: FlowWaitOptions<Flow> = {}): Promise<Flow> {
    return waitForEnd(this.#transport, { path: flowPath(id), id, what: `The flow ${id}` }, options);
  }
}

export function jobPagesOf<Listed extends Job | JobSummary>(
  transport: Transport,
  path: string,
  { signal, pageSize, cursor, ...filters }: FlowJobsOptions,
): AsyncGenerator<FlowJobPage<Listed>, void> {
  return pagesAt(transport, `${path}/jobs`, { ...filters, limit: pageSize, cursor }, signal);
}

/** Retries a flow or batch. */
export function retryAt<State>(
  transport: Transport,
  path: string,
  { from, idempotencyKey = randomKey(), signal }: FlowRetryOptions,
): Promise<State> {
  const body = from === undefined ? {} : { body: JSON.stringify({ from }) };
  const headers = { "Idempotency-Key": idempotencyKey };
  return transport.json({ method: "POST", path: `${path}/retry`, ...body, headers, signal, isRepeatable: true });
}
