/**
 * Which ticks an earlier process of Redis may have decided and this one has forgotten: a server that was restarted lacks
 * what it had not yet written to its file, and one that took over lacks what had not yet reached it. Such a tick is
 * decided again under the same job id, and Postgres is asked about this job before it is enqueued (durable-jobs.ts).
 * Other ticks cost nothing.
 */
import type { RedisProcess } from "../../queue/installation.ts";
import type { Taken } from "../../queue/schedules.ts";

/** By how much the clocks of the machine before and after a failover may differ, and the rounding of uptimes. */
const SKEW_MS = 2_000;

export interface DoubtfulTicksParts {
  readonly redisProcess: () => Promise<RedisProcess>;
}

export class DoubtfulTicks {
  readonly #parts: DoubtfulTicksParts;
  #established: number | undefined;
  #runId: string | undefined;
  /** Epoch ms, Redis's. */
  #upTo = Number.NEGATIVE_INFINITY;

  constructor(parts: DoubtfulTicksParts) {
    this.#parts = parts;
  }

  /** Notices a new process of Redis. To be awaited before what it has taken is decided; it rejects as calls of the queue do. */
  async learn({ now, established }: Pick<Taken, "now" | "established">): Promise<void> {
    if (established === this.#established) return;
    const { runId, upMs } = await this.#parts.redisProcess();
    if (this.#runId === undefined && upMs >= 0) this.#upTo = now - upMs + SKEW_MS;
    else if (this.#runId !== runId || runId === "") this.#upTo = now + SKEW_MS;
    this.#runId = runId;
    this.#established = established;
  }

  /** @param tick epoch ms */
  has(tick: number): boolean {
    return tick <= this.#upTo;
  }
}
