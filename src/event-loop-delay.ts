/** How long the event loop is held up. One monitor for all who ask: each wakes an idle process 50 times a second. */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** A timer of this period is watched, and what comes on top of it is the delay. */
const RESOLUTION_MS = 20;

export interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class EventLoopDelay {
  readonly #monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #worst: Delays = { p50Ms: 0, p99Ms: 0, maxMs: 0 };

  constructor() {
    this.#monitor.enable();
  }

  /** The delays of a period: since the last call of either function. */
  readonly period = (): Delays => {
    const ms = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const period = this.#monitor.count === 0 ? { p50Ms: 0, p99Ms: 0, maxMs: 0 } : { p50Ms: ms(this.#monitor.percentile(50)), p99Ms: ms(this.#monitor.percentile(99)), maxMs: ms(this.#monitor.max) };
    this.#monitor.reset();
    this.#worst = worseOf(this.#worst, period);
    return period;
  };

  /** Each figure of the period where it was worst, of those since the last call. */
  readonly worst = (): Delays => {
    this.period();
    const worst = this.#worst;
    this.#worst = { p50Ms: 0, p99Ms: 0, maxMs: 0 };
    return worst;
  };

  close(): void {
    this.#monitor.disable();
  }
}

function worseOf(one: Delays, other: Delays): Delays {
  return { p50Ms: Math.max(one.p50Ms, other.p50Ms), p99Ms: Math.max(one.p99Ms, other.p99Ms), maxMs: Math.max(one.maxMs, other.maxMs) };
}
