/** What a replica says of itself to all others, with each renewal: the source of `/workers`, and of the cluster's latencies. */
import { hostname } from "node:os";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { LatencyWindow } from "../latency-window.ts";
import type { Slots } from "./slots.ts";

export interface HeartbeatOptions {
  readonly replica: string;
  readonly role: string;
  readonly version: string;
  readonly slots: Slots;
  readonly threads: { readonly size: number; readonly busy: number } | undefined;
  /** Epoch ms, Redis's. */
  readonly now: () => number;
}

export class Heartbeat {
  readonly pickup = new LatencyWindow();
  readonly run = new LatencyWindow();
  readonly #options: HeartbeatOptions;
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });
  readonly #since: number;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#since = options.now();
    this.#delay.enable();
  }

  /** One JSON text. The event loop's delays are those since the last call. */
  readonly text = (): string => {
    const { replica, role, version, slots, threads, now } = this.#options;
    const { lanes, types } = slots.use();
    const ms = (percentile: number): number => Math.round(this.#delay.percentile(percentile) / 1e4) / 100;
    const eventLoopDelay = { p50: ms(50), p99: ms(99) };
    this.#delay.reset();
    return JSON.stringify({
      id: replica,
      host: hostname(),
      version,
      role,
      since: this.#since,
      heartbeat: now(),
      slots: types,
      lanes,
      threads: { size: threads?.size ?? 0, busy: threads?.busy ?? 0 },
      event_loop_delay_ms: eventLoopDelay,
      latency: { pickup: this.pickup.counts(), run: this.run.counts() },
    });
  };

  close(): void {
    this.#delay.disable();
  }
}
