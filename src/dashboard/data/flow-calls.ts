/** The calls about flows and batches. */
import type { CallOptions } from "../../client/call-options.ts";
import { randomKey } from "../../client/call-options.ts";
import { readEventStream } from "../../client/event-stream.ts";
import type { Job, Status } from "../../client/taskflow.ts";
import { Transport } from "../../client/transport.ts";
import { queryOf } from "../../client/wire.ts";
import { SERVER_URL } from "../app/base.ts";
import { currentKey } from "./session.ts";

export type FlowStatus = "running" | "completed" | "failed" | "cancelled";
export type FlowKind = "flow" | "batch" | "then";
export type NodeStatus = "waiting" | "running" | "completed" | "failed" | "cancelled" | "skipped";

export interface FlowCounts {
  waiting: number;
  unfinished: number;
  completed: number;
  failed: number;
  cancelled: number;
}

export interface FlowTotals extends FlowCounts {
  total: number;
}

export interface FlowNode {
  type: string | null;
  when: "succeeded" | "failed" | "ended" | "first_failure";
  after: string[];
  status: NodeStatus;
  job_id: string | null;
  counts: FlowCounts | null;
  cause: string | null;
  results_of?: string;
}

export interface FlowSummary {
  id: string;
  kind: FlowKind;
  name: string | null;
  status: FlowStatus;
  on_failure: "finish" | "stop";
  nodes: number;
  totals: FlowTotals;
  cancel_requested: boolean;
  created_at: string;
  finished_at: string | null;
}

export interface Flow extends FlowSummary {
  jobs: Record<string, FlowNode>;
}

/** What jobs tell of the flow that they belong to. */
export interface FlowMembership {
  flow_id: string | null;
  batch_id: string | null;
  node: string | null;
}

export interface WaitingFor {
  node: string;
  job_id: string | null;
  status: "waiting" | "running";
}

export interface Batch {
  id: string;
  open: boolean;
  closes_at: string | null;
  closed_by: "caller" | "timeout" | null;
  max_failures: number;
  first_failure: string | null;
}

export interface FlowPage {
  flows: FlowSummary[];
  next_cursor: string | null;
}

export interface FlowJobPage {
  jobs: Job[];
  next_cursor: string | null;
}

const transport = (): Transport => new Transport({ url: SERVER_URL, apiKey: currentKey(), retries: 0 });
const get = <Answer>(path: string, { signal }: CallOptions = {}): Promise<Answer> =>
  transport().json<Answer>({ method: "GET", path, signal, isRepeatable: true });

export function readFlows(
  { limit, ...filters }: { status?: string; kind?: string; name?: string; cursor?: string; limit: number },
  options: CallOptions,
): Promise<FlowPage> {
  return get(`/api/v1/flows${queryOf({ ...filters, limit })}`, options);
}

export function readFlow(id: string, options: CallOptions): Promise<Flow> {
  return get(`/api/v1/flows/${encodeURIComponent(id)}`, options);
}

export function readBatch(id: string, options: CallOptions): Promise<Batch> {
  return get(`/api/v1/batches/${encodeURIComponent(id)}`, options);
}

export function readFlowJobs(
  id: string,
  query: { node?: string; status?: Status; cursor?: string | undefined; limit: number },
  options: CallOptions,
): Promise<FlowJobPage> {
  return get(`/api/v1/flows/${encodeURIComponent(id)}/jobs${queryOf({ ...query })}`, options);
}

export function submitFlow(definition: object): Promise<Flow> {
  return transport().json({
    method: "POST",
    path: "/api/v1/flows",
    body: JSON.stringify(definition),
    headers: { "Idempotency-Key": randomKey() },
    isRepeatable: true,
  });
}

/** The state of a flow or batch whenever it has changed, until it ends. */
export async function* flowEvents(id: string, signal: AbortSignal): AsyncGenerator<Flow, void> {
  const path = `/api/v1/flows/${encodeURIComponent(id)}/events`;
  const response = await transport().open({ method: "GET", path, signal, isRepeatable: true });
  if (!response.body) return;
  for await (const { data } of readEventStream(response.body)) yield JSON.parse(data) as Flow;
}

/** Cancels every job that has not ended; the callbacks of a batch run as usual. */
export function cancelFlow({ kind, id }: Pick<FlowSummary, "kind" | "id">): Promise<unknown> {
  return transport().json({ method: "DELETE", path: pathOf(kind, id), isRepeatable: true });
}

/** @param from names of nodes; only of a flow */
export function retryFlow(
  { kind, id }: Pick<FlowSummary, "kind" | "id">,
  from: readonly string[] | undefined,
): Promise<unknown> {
  const body = from === undefined ? {} : { body: JSON.stringify({ from }) };
  return transport().json({ method: "POST", path: `${pathOf(kind, id)}/retry`, ...body, isRepeatable: false });
}

export function closeBatch(id: string): Promise<unknown> {
  return transport().json({ method: "POST", path: `${pathOf("batch", id)}/close`, isRepeatable: true });
}

function pathOf(kind: FlowKind, id: string): string {
  return `/api/v1/${kind === "batch" ? "batches" : "flows"}/${encodeURIComponent(id)}`;
}
