/** What the references of a flow's jobs mean: the results that Redis keeps until the flow ends. */
import type { FlowGraph } from "../../core/flows/flow.ts";
import { scopeOf, sourceOf } from "../../core/flows/graph.ts";
import type { KeptValue } from "../../core/flows/references.ts";
import type { FlowResults } from "../../execute/resolve-references.ts";
import { keyOf } from "../../execute/resolved-payload.ts";
import type { KeptResult } from "../../queue/flows.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";

/** Graphs that are remembered: the jobs of a large batch need the same one. */
const MAX_REMEMBERED = 50;

export interface FlowResultsParts {
  readonly queue: Pick<Queue, "flows">;
  readonly flowStore: Pick<FlowStore, "get">;
}

export function flowResults({ queue, flowStore }: FlowResultsParts): FlowResults {
  /** By the id of the flow. The names of its nodes, and their order, never change. */
  const remembered = new Map<string, FlowGraph>();
  const graphOf = async (id: string): Promise<FlowGraph | undefined> => {
    const known = remembered.get(id);
    if (known) return known;
    const [live] = await queue.flows.read([id]);
    const state = live ?? (await flowStore.get([id]))[0];
    if (!state) return undefined;
    const [oldest] = remembered.keys();
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(id, state.graph);
    return state.graph;
  };
  return {
    scope: async ({ id }) => {
      const graph = await graphOf(id);
      return graph && scopeOf(graph);
    },
    kept: async ({ id }, references) => {
      const graph = await graphOf(id);
      const sources = new Map(
        references.flatMap(({ node, part }) => {
          const index = graph && sourceOf(graph, { node, part });
          return index === undefined ? [] : [[keyOf({ node, part }), { index, part }] as const];
        }),
      );
      const indexes = new Set([...sources.values()].map(({ index }) => index));
      const results = await queue.flows.results(id, [...indexes]);
      return new Map([...sources].map(([key, { index, part }]) => [key, valueOf(results.get(index)?.[part])]));
    },
  };
}

function valueOf(kept: KeptResult["result"]): KeptValue {
  return kept === undefined ? "missing" : kept === "too_large" ? kept : { json: kept };
}
