/**
 * The visits of destinations that are under way here, and how they ended.
 *
 * A visit counts in Redis for a lease. Visits that take longer than a third of a lease are renewed, in batches, so that
 * a visit counts for as long as it takes, and no longer than a lease after its replica died; quick visits cost no
 * further call.
 *
 * The reports of ended visits travel in numbered batches, one at a time. A batch without a reply is sent again under
 * its number until it has one: Redis takes each number once. So an end counts once, whether or not the visit still
 * counts.
 */
import type { HostHealth } from "../core/destination.ts";
import type { RedisClock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";

/** No limit is worth a longer delay. */
export const CALL_TIMEOUT_MS = 1_000;
/** Visits in one call: about 5 ms of Redis. */
export const MAX_BATCH = 250;
/** Between attempts to send a batch of reports. */
const REPEAT_MS = 500;
/** Reports that wait for Redis. Further ends are not reported: a lease later those visits no longer count. */
const MAX_WAITING = 20_000;

export interface Visit {
  /** The replica, when the visit began (Redis's time, 13 digits) and a number. */
  readonly id: string;
  readonly host: string;
  readonly route: string;
  /** Visits of the host at once. */
  readonly concurrency: number;
}

interface VisitsOptions {
  readonly ns: string;
  readonly replica: string;
  readonly leaseMs: number;
  readonly clock: Pick<RedisClock, "now">;
  readonly onOpened: (destinations: number) => void;
  readonly onError: (error: unknown) => void;
}

interface Ended {
  readonly visit: Visit;
  readonly tookMs: number;
  readonly health: HostHealth;
}

export class Visits {
  readonly #connection: Pick<Connection, "run">;
  readonly #options: VisitsOptions;
  /** The start of each by `performance.now()`; the oldest first. */
  readonly #underWay = new Map<Visit, number>();
  readonly #ended: Ended[] = [];
  #lastBatch = 0;
  /** A batch of reports that has no reply yet. */
  #sending: Promise<void> | undefined;
  #repeat: NodeJS.Timeout | undefined;
  /** The next renewal, or the current one. Set whenever a visit is under way. */
  #nextRenewal: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(connection: Pick<Connection, "run">, options: VisitsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** @returns a function that ends the visit; the next `sendReports` reports it */
  begin(visit: Visit): (health: HostHealth) => void {
    const startedAt = performance.now();
    this.#underWay.set(visit, startedAt);
    this.#planRenewal();
    return (health) => {
      if (!this.#underWay.delete(visit) || this.#ended.length >= MAX_WAITING) return;
      this.#ended.push({ visit, health, tookMs: Math.round(performance.now() - startedAt) });
    };
  }

  /** Sends the waiting reports; after the batch that is under way, if any. */
  sendReports(): void {
    if (this.#sending || this.#ended.length === 0) return;
    this.#lastBatch += 1;
    const { ns, replica } = this.#options;
    const args = [ns, replica, String(this.#lastBatch)];
    for (const {
      visit: { host, route, id, concurrency },
      tookMs,
      health,
    } of this.#ended.splice(0, MAX_BATCH))
      args.push(host, route, id, String(concurrency), String(tookMs), health);
    this.#sending = this.#send(args);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#repeat);
    clearTimeout(this.#nextRenewal);
  }

  /** Never rejects. */
  async #send(args: readonly string[]): Promise<void> {
    const { onOpened, onError } = this.#options;
    try {
      const opened = (await this.#connection.run(scripts.report, args, CALL_TIMEOUT_MS)) as number;
      if (opened > 0) onOpened(opened);
    } catch (error) {
      onError(error);
      if (!this.#isClosed)
        this.#repeat = setTimeout(() => {
          this.#sending = this.#send(args);
        }, REPEAT_MS).unref();
      return;
    }
    this.#sending = undefined;
    this.sendReports();
  }

  #planRenewal(ms = this.#options.leaseMs / 3): void {
    if (this.#isClosed || this.#nextRenewal) return;
    this.#nextRenewal = setTimeout(() => {
      this.#renew().catch(this.#options.onError);
    }, ms).unref();
  }

  /** Renews long visits, then plans the next renewal if any visit is under way; otherwise the next visit plans it. */
  async #renew(): Promise<void> {
    const { ns, leaseMs, clock, onError } = this.#options;
    const since = performance.now() - leaseMs / 3;
    const lasting: Visit[] = [];
    for (const [visit, startedAt] of this.#underWay) {
      if (startedAt > since) break;
      lasting.push(visit);
    }
    let nextMs: number | undefined;
    try {
      for (let first = 0; first < lasting.length; first += MAX_BATCH) {
        const args = [ns, String(clock.now() + CALL_TIMEOUT_MS), String(leaseMs)];
        for (const visit of lasting.slice(first, first + MAX_BATCH))
          if (this.#underWay.has(visit)) args.push(visit.host, visit.route, visit.id);
        const isRenewed = (await this.#connection.run(scripts.extend, args, CALL_TIMEOUT_MS)) === 1;
        if (!isRenewed) nextMs = REPEAT_MS;
      }
    } catch (error) {
      onError(error);
      nextMs = REPEAT_MS; // a visit that was just too young last time has only a third of its lease left
    }
    this.#nextRenewal = undefined;
    if (this.#underWay.size > 0) this.#planRenewal(nextMs);
  }
}
