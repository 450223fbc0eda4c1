/** Calls of the API for flows, in tests. */
import { isFinished } from "../core/job.ts";
import type { ApiJob, TestReplica } from "./replica.ts";
import { call } from "./replica.ts";
import { until } from "./until.ts";

interface ApiNode {
  readonly status: string;
  readonly job_id?: string | null;
  readonly cause?: string | null;
}

export interface ApiFlow {
  readonly id: string;
  readonly status: string;
  readonly finished_at: string | null;
  /** Of a flow. */
  readonly jobs: Readonly<Record<string, ApiNode>>;
  /** Of a batch. */
  readonly counts: Readonly<Record<string, number>>;
  readonly callbacks: Readonly<Record<string, string>>;
  readonly total: number;
}

/** Submits a flow (`flows`) or a batch (`batches`), and returns its id. */
export async function submitFlow(replica: TestReplica, path: "flows" | "batches", body: unknown): Promise<string> {
  const answer = await call(replica, "POST", `/api/v1/${path}`, body);
  if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as ApiFlow).id;
}

export async function getFlow(replica: TestReplica, path: "flows" | "batches", id: string): Promise<ApiFlow> {
  return (await call(replica, "GET", `/api/v1/${path}/${id}`)).body as ApiFlow;
}

export function flowEnded(
  replica: TestReplica,
  id: string,
  path: "flows" | "batches" = "flows",
  timeoutMs = 60_000,
): Promise<ApiFlow> {
  return until(
    async () => {
      const flow = await getFlow(replica, path, id);
      return isFinished(flow.status) ? flow : undefined;
    },
    { what: `the flow ${id} has ended`, timeoutMs },
  );
}

/** The status of each node. */
export function statuses({ jobs }: ApiFlow): Record<string, string> {
  return Object.fromEntries(Object.entries(jobs).map(([name, { status }]) => [name, status]));
}

/** The job of a node. */
export async function jobOf(replica: TestReplica, { jobs }: ApiFlow, node: string): Promise<ApiJob> {
  return (await call(replica, "GET", `/api/v1/jobs/${jobs[node]?.job_id ?? ""}`)).body as ApiJob;
}
