/**
 * Does the work that flows leave for replicas (queue/flows.ts): continues long cascades, cancels the jobs of nodes
 * that can no longer run, stores the rows of ended flows, cancels flows, and closes batches that nobody has closed.
 * Every replica of any role has a keeper, and none leads: Redis gives each piece of work to one of them.
 *
 *   idle ──there is work──▶ take ─▶ do ─▶ take … ─▶ waiting for the next time ─▶ idle, once there is none
 *
 * A keeper learns of work from the scripts of its own replica, and of the work of others from the sweep of the outbox.
 * Without flows it sends no command. Each piece of work can be done twice: a replica that dies leaves it to another.
 */
import { DueRuns } from "../../concurrency/due-runs.ts";
import type { FlowWork } from "../../queue/flows.ts";
import type { Queue } from "../../queue/queue.ts";
import type { EndedFlows } from "./ended-flows.ts";
import type { FlowCancellationsParts } from "./flow-cancellations.ts";
import { FlowCancellations } from "./flow-cancellations.ts";

export interface FlowKeeperParts extends FlowCancellationsParts {
  readonly queue: FlowCancellationsParts["queue"] & Pick<Queue, "clock">;
  readonly ended: EndedFlows;
  /** A batch has closed itself: nobody has closed it in time. */
  readonly onClosed: (flow: string) => void;
  readonly onError: (error: unknown) => void;
}

export class FlowKeeper {
  readonly #parts: FlowKeeperParts;
  readonly #runs: DueRuns;
  readonly #cancellations: FlowCancellations;

  constructor(parts: FlowKeeperParts) {
    this.#parts = parts;
    this.#cancellations = new FlowCancellations(parts);
    const { queue, onError } = parts;
    this.#runs = new DueRuns({ run: () => this.#doDue(), clock: queue.clock, onError });
  }

  /** Listens to the times of work, and looks for work at once. */
  start(): void {
    this.#parts.queue.flows.listen({ onWork: (dueAt) => this.#runs.wakeAt(dueAt) });
    this.#runs.start();
  }

  /** Ends jobs that wait for others of a flow that Redis has lost. */
  cancelOrphans(ids: readonly string[]): Promise<void> {
    return this.#cancellations.cancelOrphans(ids);
  }

  /** Resolves when the current work has ended, as far as it is begun. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#runs.close(), this.#cancellations.close()]);
  }

  /** @returns epoch ms: when there is more work */
  async #doDue(): Promise<number> {
    const { next, works } = await this.#parts.queue.flows.take();
    await this.#do(works);
    return next ?? Number.POSITIVE_INFINITY;
  }

  /** What fails is taken again, by any replica, when its time is over. */
  async #do(works: readonly FlowWork[]): Promise<void> {
    if (works.length === 0) return;
    const { flows } = this.#parts.queue;
    const of = (kind: FlowWork["kind"]): string[] => works.flatMap((work) => (work.kind === kind ? [work.flow] : []));
    await Promise.all([
      this.#guarded(() => flows.advance(of("advance"))),
      this.#guarded(() => this.#parts.ended.store(of("ended"))),
      ...of("close").map((flow) => this.#guarded(() => this.#close(flow))),
      this.#guarded(() => this.#cancellations.begin(works)),
    ]);
  }

  async #close(flow: string): Promise<void> {
    if ((await this.#parts.queue.flows.close(flow, "timeout")) === "closed") this.#parts.onClosed(flow);
  }

  async #guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#parts.onError(error);
    }
  }
}
