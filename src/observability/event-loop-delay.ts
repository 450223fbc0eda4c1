/**
 * How long the event loop is held up. A monitor that sees short delays wakes the process 50 times a second, so it runs only while the
 * loop is in use. Until it runs, what the loop was active for in a second is told: nothing was held up longer than that.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

/** A timer of this period is watched, and what comes on top of it is the delay. */
const RESOLUTION_MS = 20;
const LOOK_MS = 1_000;
/** Active for so long within {@link LOOK_MS}, the loop is in use. */
const IN_USE_MS = 100;
/** Looks in a row that find it idle before the monitor stops. */
const IDLE_LOOKS = 3;

export interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const NONE: Delays = { p50Ms: 0, p99Ms: 0, maxMs: 0 };

export class EventLoopDelay {
  readonly #monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #looks = setInterval(() => this.#look(), LOOK_MS).unref();
  #seen = performance.eventLoopUtilization();
  /** 0 while the monitor does not run. */
  #looksLeft = 0;
  /** No delay can have been longer while the monitor did not run, in the period. */
  #unwatchedMs = 0;
  #worst = NONE;

  /** The delays of a period: since the last call of either function. */
  readonly period = (): Delays => {
    this.#look();
    const ms = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const watched =
      this.#monitor.count === 0
        ? NONE
        : {
            p50Ms: ms(this.#monitor.percentile(50)),
            p99Ms: ms(this.#monitor.percentile(99)),
            maxMs: ms(this.#monitor.max),
          };
    const period = { ...watched, maxMs: Math.max(watched.maxMs, this.#unwatchedMs) };
    this.#monitor.reset();
    this.#unwatchedMs = 0;
    this.#worst = worseOf(this.#worst, period);
    return period;
  };

  /** Each figure of the period where it was worst, of those since the last call. */
  readonly worst = (): Delays => {
    this.period();
    const worst = this.#worst;
    this.#worst = NONE;
    return worst;
  };

  close(): void {
    clearInterval(this.#looks);
    this.#monitor.disable();
  }

  #look(): void {
    const seen = performance.eventLoopUtilization();
    const { active } = performance.eventLoopUtilization(seen, this.#seen);
    this.#seen = seen;
    if (this.#looksLeft === 0) this.#unwatchedMs = Math.max(this.#unwatchedMs, active);
    if (active >= IN_USE_MS) {
      this.#looksLeft = IDLE_LOOKS;
      this.#monitor.enable();
    } else if (this.#looksLeft > 0) {
      this.#looksLeft -= 1;
      if (this.#looksLeft === 0) this.#monitor.disable();
    }
  }
}

function worseOf(one: Delays, other: Delays): Delays {
  return {
    p50Ms: Math.max(one.p50Ms, other.p50Ms),
    p99Ms: Math.max(one.p99Ms, other.p99Ms),
    maxMs: Math.max(one.maxMs, other.maxMs),
  };
}
