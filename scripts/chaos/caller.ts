/** A caller that continuously sends requests that are expensive to answer. */
import { ClientThread } from "./client-thread.ts";

export interface CallerRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface CallerOptions {
  readonly urls: readonly string[];
  /** The requests, sent round-robin to the replicas. */
  readonly requests: readonly CallerRequest[];
  readonly atOnce: number;
  /**
   * All of `atOnce` begin together, and this caller closes them together after this time: streams, which have no end.
   */
  readonly holdMs?: number;
}

interface Report {
  readonly statuses: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly sent: number;
}

export class Caller {
  readonly #thread: ClientThread<Report>;
  #report: Report = { statuses: {}, bytes: 0, sent: 0 };

  constructor(options: CallerOptions) {
    this.#thread = new ClientThread<Report>("caller.mjs", options, (report) => {
      this.#report = report;
    });
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }

  /** The number of answers by status. */
  get statuses(): Readonly<Record<string, number>> {
    return this.#report.statuses;
  }

  /** As in `1,200 requests, 340 MiB of answers (200: 1100, 503: 90)`. */
  get text(): string {
    const { statuses, bytes, sent } = this.#report;
    const counts = Object.entries(statuses).map(([status, count]) => `${status}: ${count}`);
    return `${sent.toLocaleString("en-US")} requests, ${Math.round(bytes / 1_048_576)} MiB of answers (${counts.join(", ") || "none"})`;
  }
}

export function jsonPost(path: string, body: string, headers: Readonly<Record<string, string>> = {}): CallerRequest {
  return { method: "POST", path, headers: { "content-type": "application/json", ...headers }, body: Buffer.from(body) };
}
