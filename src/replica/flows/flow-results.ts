/** What the references of a flow's jobs mean: the results that Redis keeps until the flow ends. */
import type { FlowGraph, FlowMember } from "../../core/flows/flow.ts";
import type { Reference, ReferenceScope } from "../../core/flows/reference.ts";
import type { KeptValue } from "../../core/flows/references.ts";
import type { FlowResults } from "../../execute/resolve-references.ts";
import { keyOf } from "../../execute/resolved-payload.ts";
import type { KeptResult } from "../../queue/flows.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";

/** Flows whose names are remembered: the jobs of a large batch need the same ones. */
const MAX_REMEMBERED = 200;

/** The nodes of a flow, whose names and order never change. */
interface Names {
  readonly scope: ReferenceScope;
  /** The index of the node that has the result, by the name that references use. */
  readonly resultOf: ReadonlyMap<string, number>;
  readonly errorOf: ReadonlyMap<string, number>;
}

export interface FlowResultsParts {
  readonly queue: Pick<Queue, "flows">;
  readonly flowStore: Pick<FlowStore, "get">;
}

export function flowResults({ queue, flowStore }: FlowResultsParts): FlowResults {
  const remembered = new Map<string, Names>();
  const namesOf = async (id: string): Promise<Names | undefined> => {
    const known = remembered.get(id);
    if (known) return known;
    const [live] = await queue.flows.read([id]);
    const state = live ?? (await flowStore.get([id]))[0];
    if (!state) return undefined;
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    const names = readNames(state.graph);
    remembered.set(id, names);
    return names;
  };
  return {
    scope: async ({ id }) => (await namesOf(id))?.scope,
    kept: async (flow: FlowMember, references: readonly Reference[]) => {
      const names = await namesOf(flow.id);
      const indexes = new Map(
        references.flatMap((reference) => {
          const index = names?.[reference.part === "result" ? "resultOf" : "errorOf"].get(reference.node);
          return index === undefined ? [] : [[keyOf(reference), { index, part: reference.part }] as const];
        }),
      );
      const results = await queue.flows.results(flow.id, [...new Set([...indexes.values()].map(({ index }) => index))]);
      return new Map([...indexes].map(([key, { index, part }]) => [key, valueOf(results.get(index)?.[part])]));
    },
  };
}

function valueOf(kept: KeptResult["result"]): KeptValue {
  return kept === undefined ? "missing" : kept === "too_large" ? kept : { json: kept };
}

function readNames({ kind, nodes }: FlowGraph): Names {
  const errorOf = new Map(nodes.map(({ name }, index) => [name, index]));
  const resultOf = new Map(errorOf);
  for (const [index, { resultsOf }] of nodes.entries()) {
    const batch = resultsOf === undefined ? undefined : nodes[resultsOf];
    if (batch) resultOf.set(batch.name, index);
  }
  const implicit = kind === "flow" ? undefined : nodes[0]?.name;
  return { scope: { names: new Set(errorOf.keys()), ...(implicit !== undefined && { implicit }) }, resultOf, errorOf };
}
