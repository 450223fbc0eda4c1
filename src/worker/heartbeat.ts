/** The state that a replica publishes with each renewal, the source of `/workers` and of the cluster's latencies. */
import { hostname } from "node:os";
import { reportJson } from "../core/heartbeat.ts";
import type { Delays } from "../observability/event-loop-delay.ts";
import { LatencyWindow } from "../observability/latency-window.ts";
import { containerLimit } from "../process/memory-limit.ts";
import type { Slots } from "./slots.ts";

export interface HeartbeatOptions {
  readonly replica: string;
  readonly role: string;
  readonly version: string;
  readonly slots: Slots;
  readonly threads: { readonly size: number; readonly busy: number } | undefined;
  /** Delays of the event loop since the last call. */
  readonly delays: () => Delays;
  /** Epoch ms of Redis. */
  readonly now: () => number;
}

export class Heartbeat {
  readonly pickup = new LatencyWindow();
  readonly run = new LatencyWindow();
  /** The replica shuts down. */
  isDraining = false;
  readonly #options: HeartbeatOptions;
  readonly #since: number;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#since = options.now();
  }

  /** The state as JSON. */
  readonly text = (): string => {
    const { replica, role, version, slots, threads, delays, now } = this.#options;
    const { lanes, types } = slots.use();
    const { p50Ms, p99Ms } = delays();
    return reportJson({
      id: replica,
      host: hostname(),
      version,
      role,
      since: this.#since,
      heartbeat: now(),
      slots: types,
      lanes,
      threads: { size: threads?.size ?? 0, busy: threads?.busy ?? 0 },
      memory_bytes: process.memoryUsage.rss(),
      memory_limit_bytes: containerLimit() ?? null,
      draining: this.isDraining,
      event_loop_delay_ms: { p50: hundredths(p50Ms), p99: hundredths(p99Ms) },
      latency: { pickup: this.pickup.counts(), run: this.run.counts() },
    });
  };
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;
