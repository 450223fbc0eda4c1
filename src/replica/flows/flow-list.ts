/** Pages of flows, newest first: those that Redis has, and those that only Postgres has, in one list. */
import type { FlowState } from "../../core/flows/flow.ts";
import type { FlowFilter, FlowPage } from "../../core/flows/flows.ts";
import type { FlowServiceParts } from "./service.ts";

type Parts = Pick<FlowServiceParts, "queue" | "flowStore">;

/** Redis is read first, so that a flow which moves meanwhile is found at least once. */
export async function flowPage(parts: Parts, filter: FlowFilter): Promise<FlowPage> {
  const { below, limit } = filter;
  const live = await liveFlows(parts, below, limit);
  const storedIds = await parts.flowStore.list(filter);
  // lower ids belong to the next page, because one side has not examined them
  const floor = [live.map(({ id }) => id), storedIds]
    .flatMap((ids) => (ids.length === limit ? (ids.at(-1) ?? "") : []))
    .reduce((highest, id) => (id > highest ? id : highest), "");
  const states = await joined(parts, live, storedIds);
  const passing = states.filter((state) => state.id >= floor && passes(state, filter));
  const flows = passing.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  const isCut = flows.length < passing.length;
  return { flows, next: isCut ? (flows.at(-1)?.id ?? null) : floor === "" ? null : floor };
}

/** The newest flows that Redis has. A page may lack some that Redis has forgotten meanwhile, so only an empty one is the last. */
async function liveFlows({ queue }: Parts, below: string | undefined, limit: number): Promise<FlowState[]> {
  const flows: FlowState[] = [];
  while (flows.length < limit) {
    const page = await queue.flows.list({ below: flows.at(-1)?.id ?? below, limit: limit - flows.length });
    if (page.length === 0) break;
    flows.push(...page);
  }
  return flows;
}

/** The live state of what both have, unless Redis has forgotten it meanwhile. */
async function joined(parts: Parts, live: readonly FlowState[], storedIds: readonly string[]): Promise<FlowState[]> {
  const byId = new Map(live.map((state) => [state.id, state]));
  const both = storedIds.filter((id) => byId.has(id));
  const again = await parts.queue.flows.read(both);
  both.forEach((id, i) => {
    const state = again[i];
    if (state) byId.set(id, state);
    else byId.delete(id);
  });
  for (const state of await parts.flowStore.get(storedIds.filter((id) => !byId.has(id)))) byId.set(state.id, state);
  return [...byId.values()];
}

function passes({ graph, status }: FlowState, filter: FlowFilter): boolean {
  return (
    (filter.status?.includes(status) ?? true) &&
    (filter.kind?.includes(graph.kind) ?? true) &&
    (filter.name === undefined || filter.name === graph.name)
  );
}
