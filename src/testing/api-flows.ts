/** The flows of a server of the API without a worker, with a keeper that does their work. */
import type { Flows } from "../core/flows/flows.ts";
import type { Queue } from "../queue/queue.ts";
import { EndedFlows } from "../replica/flows/ended-flows.ts";
import type { FlowKeeperParts } from "../replica/flows/keeper.ts";
import { FlowKeeper } from "../replica/flows/keeper.ts";
import { FlowService } from "../replica/flows/service.ts";
import { FlowStore } from "../results/flows/flow-store.ts";
import type { Store } from "../results/store.ts";

interface ApiFlowsParts extends Omit<FlowKeeperParts, "ended" | "onClosed" | "queue"> {
  readonly queue: Queue;
  readonly store: Store;
}

export function openApiFlows(
  database: string,
  parts: ApiFlowsParts,
): { readonly service: Flows; readonly close: () => Promise<void> } {
  const { queue, store } = parts;
  const flowStore = new FlowStore(database, "taskflow");
  const ended = new EndedFlows({ queue, flowStore, onEnded: () => undefined });
  const service = new FlowService({
    ...{ queue, store, flowStore },
    enqueue: (submitted, done) => queue.enqueue(submitted, done),
    storeEnded: (id) => ended.store([id], { isForgotten: true }),
  });
  const keeper = new FlowKeeper({ ...parts, ended, onClosed: () => undefined });
  keeper.start();
  return {
    service,
    close: async () => {
      await keeper.close();
      await flowStore.close();
    },
  };
}
