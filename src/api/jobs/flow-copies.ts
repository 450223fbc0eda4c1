/**
 * The copies of what a job contains that its flow has: the results that Redis keeps for other jobs, and the file with
 * the results of a batch.
 */
import type { FlowMember, FlowState } from "../../core/flows/flow.ts";
import type { Flows } from "../../core/flows/flows.ts";
import { positionIn } from "../../core/flows/id-ranges.ts";
import { CodedError } from "../../errors.ts";
import type { Queue } from "../../queue/queue.ts";
import type { Store } from "../../results/store.ts";

export interface FlowCopiesParts {
  readonly store: Pick<Store, "members" | "get">;
  readonly queue: Pick<Queue, "read">;
  readonly flows: Pick<Flows, "get" | "dropResults">;
}

export interface FlowCopies {
  /** The jobs that wrote the results of batches to files; a retry of a batch writes another one. */
  readonly files: readonly string[];
  readonly kept: readonly { readonly flow: string; readonly nodes: readonly number[] }[];
}

/**
 * The copies that flows have of these jobs, as far as they have a row.
 * @throws CodedError 503 while a file with a copy is being written, since it may be written from what was read before
 */
export async function copiesOf(parts: FlowCopiesParts, ids: readonly string[]): Promise<FlowCopies> {
  const byFlow = new Map<string, [id: string, member: FlowMember][]>();
  for (const [id, member] of await parts.store.members(ids))
    byFlow.set(member.id, [...(byFlow.get(member.id) ?? []), [id, member]]);
  const files: string[] = [];
  const kept: FlowCopies["kept"][number][] = [];
  for (const [flow, members] of byFlow) {
    const state = await parts.flows.get(flow);
    if (!state) continue;
    kept.push({ flow, nodes: members.filter(([id, { at }]) => isKept(state, at, id)).map(([, { at }]) => at) });
    for (const writer of writersOf(state, new Set(members.map(([, { at }]) => at))))
      files.push(...(await fileOwners(parts, writer)));
  }
  return { files, kept };
}

/** Drops what Redis keeps of the jobs. */
export async function dropKept({ flows }: Pick<FlowCopiesParts, "flows">, { kept }: FlowCopies): Promise<void> {
  for (const { flow, nodes } of kept) if (nodes.length > 0) await flows.dropResults(flow, nodes);
}

/** Whether the flow keeps the result or the error of this job: of a batch, it keeps the error of its first failed job. */
function isKept({ graph, nodes }: FlowState, node: number, id: string): boolean {
  const found = graph.nodes[node];
  if (found?.type === null) return nodes[node]?.cause === id;
  return found?.ids.some((range) => positionIn(range, id) !== undefined) === true;
}

/** The jobs of the flow that write the results of these nodes to files. */
function writersOf({ graph }: FlowState, nodes: ReadonlySet<number>): string[] {
  return graph.nodes.flatMap(({ resultsOf, ids }) =>
    resultsOf !== undefined && nodes.has(resultsOf) ? ids.map(({ first }) => first) : [],
  );
}

/** A job that writes results, and those that did so before retries of the flow. */
async function fileOwners({ store, queue }: FlowCopiesParts, writer: string): Promise<string[]> {
  const owners: string[] = [];
  for (let id: string | null = writer; id !== null; ) {
    owners.push(id);
    const [live] = await queue.read([id]);
    if (live?.status === "running") throw beingWritten();
    const retryOf: string | null | undefined = live ? live.options.retry_of : (await store.get(id))?.retry_of;
    id = retryOf ?? null;
  }
  return owners;
}

function beingWritten(): CodedError {
  const message = "A file with the results of its batch is being written, so the job is not erased: repeat the call.";
  return new CodedError("store_unavailable", 503, message, { retryAfterMs: 2_000 });
}
