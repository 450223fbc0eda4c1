/**
 * The destinations of all replicas, in Redis: what stands between a type that sends to hosts of its callers and a host that
 * is slow, dead or just back. Trouble stays with its cause: each host has a window and a breaker, and so has each of its routes (caller
 * and path). A visit needs room in both.
 *
 * Closed: up to `window` visits at once. The window begins at 10, grows by one with each answer while more is asked for, up to
 * the limit, and halves with each failure, as TCP's does (RFC 5681): a host that hangs never holds more than a few slots.
 * Open, after 5 failures in a row: nothing is sent for 1 s, doubled with each opening up to 60 s.
 * Half-open, after that: one visit probes. If it fails, open again; if not, the window grows from there.
 *
 * What fails: for the host, only a visit without any answer. For the route, any failed visit. So an error at one path, or for one caller,
 * opens that route and leaves the host to the others; a host that asks for less (429, 503) keeps a window of at least 5. Two visits
 * beyond a full window are for routes that have none under way, so that one that hangs does not keep the others out.
 * Probes of a host go round among its callers: the last to probe lets the others go first, and a probe that takes more than 10 s makes
 * room for another.
 *
 * A visit that is not let in gets a time to come back, each its own: they return spread, at about the pace at which the host could take
 * them. That is a turn in a queue, which spends nothing, but where the job's own route fails, or the host has not answered to this route
 * or to anyone for ten minutes: then it is a deferral.
 *
 * A visit is held for a lease, and renewed while it is under way (visits.ts). What is known of a host expires with disuse, and of its
 * routes the latest 256 are remembered. Visits of one event-loop tick travel in one call. Where Redis gives no answer, everyone is let
 * in: limits protect others, and must not stop what could go out.
 */
import { createHash } from "node:crypto";
import type { Destination, DestinationLimits, Destinations, HostHealth } from "../core/destination.ts";
import { RetryAfterError } from "../core/job-type.ts";
import { digits } from "../core/packed-job.ts";
import { messageOf } from "../errors.ts";
import type { RedisClock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import type { Visit } from "./visits.ts";
import { CALL_TIMEOUT_MS, MAX_BATCH, Visits } from "./visits.ts";

/** The longest name of a host in the DNS, and a port. A URL may hold a longer one, which leads nowhere. */
const MAX_HOST_LENGTH = 260;
/** Of a hash, in base64: 72 bits, so that nobody finds a path that shares another's route. */
const HASH_LENGTH = 12;
/** Any time until the year 2286. */
const TIME_DIGITS = 13;

/** Why a visit has to wait, as admit.lua numbers it. */
const REASONS: Readonly<Record<number, (host: string) => string>> = {
  1: (host) => `${host} takes no more for now`,
  2: (host) => `${host} does not answer, and is left alone for now`,
  3: (host) => `requests to this path of ${host} fail, and it is left alone for now`,
};

interface Entry {
  readonly visit: Visit;
  readonly turn: string;
  readonly limits: DestinationLimits;
  readonly admitted: () => void;
  /** In how many ms to come back, less than 0 where that spends a deferral, and why. */
  readonly putOff: (waitMs: number, reason: number) => void;
}

export interface DestinationsOptions {
  readonly ns: string;
  readonly replica: string;
  readonly leaseMs: number;
  readonly clock: Pick<RedisClock, "now">;
  /** A report from here opened so many hosts and routes. */
  readonly onOpened: (destinations: number) => void;
  readonly onError: (error: Error) => void;
}

export class RedisDestinations implements Destinations {
  readonly #connection: Pick<Connection, "run">;
  readonly #options: DestinationsOptions;
  readonly #leaseMs: number;
  readonly #visits: Visits;
  #lastId = 0;
  #entries: Entry[] = [];
  /** The call that waits for the end of this tick. */
  #next: Promise<void> | undefined;

  constructor(connection: Pick<Connection, "run">, options: DestinationsOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#leaseMs = Math.max(options.leaseMs, 3_000); // as long as the replica counts as alive
    const onError = (error: unknown): void =>
      options.onError(error instanceof Error ? error : new Error(messageOf(error)));
    this.#visits = new Visits(connection, { ...options, leaseMs: this.#leaseMs, onError });
  }

  enter({ host, path, caller }: Destination, limits: DestinationLimits): Promise<(health: HostHealth) => void> {
    this.#lastId += 1;
    const { replica, clock } = this.#options;
    const name = host.length > MAX_HOST_LENGTH ? hashOf(host) : host;
    const route = `${name}|${hashOf(`${caller}\0${path}`)}`;
    const id = `${replica}${digits(clock.now(), TIME_DIGITS)}${this.#lastId}`;
    const visit = { id, host: name, route, concurrency: limits.concurrency };
    return new Promise((resolve, reject) => {
      const admitted = (): void => {
        const end = this.#visits.begin(visit);
        resolve((health) => {
          end(health);
          this.#next ??= this.#call();
        });
      };
      const putOff = (waitMs: number, reason: number): void => {
        const message = (REASONS[reason] ?? REASONS[1])?.(host) ?? host;
        reject(
          new RetryAfterError(message, Math.abs(waitMs), { code: "destination_limited", waitsForTurn: waitMs > 0 }),
        );
      };
      this.#entries.push({ visit, turn: caller === "" ? route : hashOf(caller), limits, admitted, putOff });
      this.#next ??= this.#call();
    });
  }

  close(): void {
    this.#visits.close();
  }

  async #call(): Promise<void> {
    await Promise.resolve(); // what is asked in this tick travels together
    this.#next = undefined;
    const entries = this.#entries.splice(0);
    this.#visits.sendReports(); // sent in this order: who goes makes room for who comes
    const calls: Promise<void>[] = [];
    for (let first = 0; first < entries.length; first += MAX_BATCH)
      calls.push(this.#decide(entries.slice(first, first + MAX_BATCH)));
    await Promise.all(calls);
  }

  /** Never rejects. */
  async #decide(entries: readonly Entry[]): Promise<void> {
    const { ns, clock, onError } = this.#options;
    const args = [ns, String(clock.now() + CALL_TIMEOUT_MS), String(this.#leaseMs)];
    for (const { visit, turn, limits } of entries)
      args.push(visit.host, visit.route, turn, visit.id, String(limits.concurrency), String(limits.perSecond));
    let answers: readonly number[] = [];
    try {
      answers = ((await this.#connection.run(scripts.admit, args, CALL_TIMEOUT_MS)) as readonly number[]).slice(1);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(messageOf(error)));
    }
    entries.forEach(({ admitted, putOff }, i) => {
      const wait = answers[2 * i] ?? 0; // none: it is not known whether the visit is held, and its end is reported all the same
      if (wait === 0) admitted();
      else putOff(wait, answers[2 * i + 1] ?? 0);
    });
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, HASH_LENGTH);
}
