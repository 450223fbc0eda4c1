/**
 * Measures the delay of the event loop. A monitor that sees short delays wakes the process 50 times a second, so it
 * runs only while the loop is in use. Otherwise the loop's active time in a second is reported: no delay was longer
 * than that.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";

/** The period of the monitor's timer. The time that exceeds it is the delay. */
const RESOLUTION_MS = 20;
const SAMPLE_MS = 1_000;
/** The loop is in use if it is active for at least this time within {@link SAMPLE_MS}. */
const IN_USE_MS = 100;
/** Idle samples in a row after which the monitor stops. */
const IDLE_SAMPLES = 3;

export interface Delays {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const NONE: Delays = { p50Ms: 0, p99Ms: 0, maxMs: 0 };

export class EventLoopDelay {
  readonly #monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #sampling = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  #seen = performance.eventLoopUtilization();
  /** 0 while the monitor does not run. */
  #samplesLeft = 0;
  /** The upper bound of delays in this period while the monitor did not run. */
  #unwatchedMs = 0;
  #worst = NONE;

  /** The delays since the last call of either function. */
  readonly period = (): Delays => {
    this.#sample();
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

  /** The worst value of each figure among the periods since the last call. */
  readonly worst = (): Delays => {
    this.period();
    const worst = this.#worst;
    this.#worst = NONE;
    return worst;
  };

  close(): void {
    clearInterval(this.#sampling);
    this.#monitor.disable();
  }

  #sample(): void {
    const seen = performance.eventLoopUtilization();
    const { active } = performance.eventLoopUtilization(seen, this.#seen);
    this.#seen = seen;
    if (this.#samplesLeft === 0) this.#unwatchedMs = Math.max(this.#unwatchedMs, active);
    if (active >= IN_USE_MS) {
      this.#samplesLeft = IDLE_SAMPLES;
      this.#monitor.enable();
    } else if (this.#samplesLeft > 0) {
      this.#samplesLeft -= 1;
      if (this.#samplesLeft === 0) this.#monitor.disable();
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
