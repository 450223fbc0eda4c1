/** Stores the rows of flows that have ended, and forgets the flows in Redis. */
import type { FlowState } from "../../core/flows/flow.ts";
import { between, idsIn } from "../../core/flows/id-ranges.ts";
import type { Queue } from "../../queue/queue.ts";
import type { FlowStore } from "../../results/flows/flow-store.ts";

/** Jobs of a flow that are looked for in Redis before it is forgotten. */
const MAX_LOOKED_FOR = 1_000;
/** Flows whose rows are stored, and which Redis still has. */
const MAX_REMEMBERED = 10_000;

export interface EndedFlowsParts {
  readonly queue: Pick<Queue, "flows" | "missing">;
  readonly flowStore: Pick<FlowStore, "save">;
  /** Called for each flow that has ended, once its row is stored; rarely twice. */
  readonly onEnded: (flow: FlowState) => void;
}

export class EndedFlows {
  readonly #parts: EndedFlowsParts;
  /** When a flow ended (epoch ms), by its id: its row is stored, and it is not forgotten yet. */
  readonly #stored = new Map<string, number | null>();

  constructor(parts: EndedFlowsParts) {
    this.#parts = parts;
  }

  /**
   * Stores the rows of those of the flows that have ended, all in one statement, and forgets these flows. One whose
   * results may be needed again stays until the jobs that refer to them are recorded, and is to be stored again later.
   * @param options `isForgotten`: forget all the same, since the flow is about to run again
   */
  async store(ids: readonly string[], { isForgotten = false } = {}): Promise<void> {
    if (ids.length === 0) return;
    const { queue, flowStore, onEnded } = this.#parts;
    const states = (await queue.flows.read(ids)).filter((state) => state !== undefined);
    const ended = states.filter(({ finishedAt }) => finishedAt !== null);
    const fresh = ended.filter(({ id, finishedAt }) => this.#stored.get(id) !== finishedAt);
    if (fresh.length > 0) await flowStore.save(fresh);
    if (this.#stored.size > MAX_REMEMBERED) this.#stored.clear();
    for (const flow of fresh) {
      this.#stored.set(flow.id, flow.finishedAt);
      onEnded(flow);
    }
    const needed = await Promise.all(ended.map(async (flow) => !isForgotten && this.#mayBeNeeded(flow)));
    const forgettable = ended.flatMap(({ id }, i) => (needed[i] === true ? [] : [id]));
    await queue.flows.forget(forgettable);
    for (const id of forgettable) this.#stored.delete(id);
  }

  /**
   * Whether results are stored that a job of the outbox refers to: its row needs the payload that ran, which a sweep
   * resolves again (resolved-outcomes.ts).
   */
  async #mayBeNeeded({ graph: { nodes } }: FlowState): Promise<boolean> {
    if (!nodes.some(({ keeps }) => keeps)) return false;
    const dependents = nodes.filter(({ after, waitsFor }) => after.length + waitsFor.length > 0);
    const ranges = dependents.flatMap((node) => node.ids);
    const ids = idsIn(between(ranges, 0, MAX_LOOKED_FOR));
    return (await this.#parts.queue.missing(ids)).length < ids.length;
  }
}
