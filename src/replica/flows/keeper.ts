/**
 * Does the work that flows leave for replicas (queue/flows.ts): continues long cascades, cancels the jobs of nodes that
 * can no longer run, stores the rows of ended flows, cancels flows, and closes batches that nobody has closed. Every
 * replica of any role has a keeper, and none leads: Redis gives each piece of work to one of them.
 *
 *   idle ──there is work──▶ take ─▶ do ─▶ take … ─▶ waiting for the next time ─▶ idle, once there is none
 *
 * A keeper learns of work from the scripts of its own replica, and of the work of others from the sweep of the outbox.
 * Without flows it sends no command. Each piece of work can be done twice: a replica that dies leaves it to another.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Periodic } from "../../concurrency/periodic.ts";
import type { FlowWork } from "../../queue/flows.ts";
import type { EndedFlows } from "./ended-flows.ts";
import type { FlowCancellationsParts } from "./flow-cancellations.ts";
import { FlowCancellations } from "./flow-cancellations.ts";

/** The pause after a failed run. */
const RETRY_MS = 1_000;
/** The longest wait, as that of the ticker of schedules. */
const LONGEST_WAIT_MS = 10_000;

export interface FlowKeeperParts extends FlowCancellationsParts {
  readonly ended: EndedFlows;
  /** A batch has closed itself: nobody has closed it in time. */
  readonly onClosed: (flow: string) => void;
  readonly onError: (error: unknown) => void;
}

export class FlowKeeper {
  readonly #parts: FlowKeeperParts;
  readonly #runs: Periodic;
  readonly #cancellations: FlowCancellations;
  #timer: NodeJS.Timeout | undefined;
  /** Epoch ms: the time of the timer. */
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(parts: FlowKeeperParts) {
    this.#parts = parts;
    this.#cancellations = new FlowCancellations(parts);
    this.#runs = new Periodic({ task: (signal) => this.#run(signal), periodMs: RETRY_MS, onError: parts.onError });
  }

  /** Listens to the times of work, and looks for work at once. */
  start(): void {
    this.#parts.queue.flows.listen({ onWork: (dueAt) => this.#arm(dueAt) });
    this.#runs.start();
    this.#runs.wake();
  }

  /** Resolves when the current work has ended, as far as it is begun. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#runs.close(), this.#cancellations.close()]);
  }

  /** Looks for work at `dueAt`, epoch ms, at the latest. */
  #arm(dueAt: number): void {
    if (this.#isClosed || dueAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = dueAt;
    const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(0, dueAt - this.#parts.queue.clock.now()));
    this.#timer = setTimeout(() => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#runs.start();
      this.#runs.wake();
    }, waitMs);
  }

  /** Does all that is due. @returns ms until the next run */
  async #run(signal: AbortSignal): Promise<number | undefined> {
    const { queue } = this.#parts;
    for (;;) {
      const { next, works } = await queue.flows.take();
      await this.#do(works);
      if (signal.aborted) return undefined;
      if (next === null) {
        this.#runs.stop(); // until there is work again
        return undefined;
      }
      const waitMs = next - queue.clock.now();
      if (waitMs > 0) return Math.min(LONGEST_WAIT_MS, Math.max(1, waitMs));
      await nextTurn(); // other work of this replica goes on meanwhile
    }
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
