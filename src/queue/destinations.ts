/**
 * The destinations of all replicas, in Redis: they protect a host that is slow, dead or just back from the job types
 * that send to hosts of their callers. Trouble stays with its cause: each host has a window and a breaker, and so has
 * each of its routes (caller and path). A visit needs room in both.
 *
 * Closed: up to `window` visits at once. The window begins at 10, grows by one with each answer while more is asked
 * for, up to the limit, and halves with each failure, as TCP's does (RFC 5681): a host that hangs never occupies more
 * than a few slots. Open, after 5 failures in a row: nothing is sent for 1 s, doubled with each opening up to 60 s.
 * Half-open, after that: one visit probes. If it fails, open again; if not, the window grows from there.
 *
 * A host fails by a visit without any answer; a route by any failed visit. So an error at one path, or for one caller,
 * opens that route and leaves the host to the others; a host that asks for less (429, 503) keeps a window of at least
 * 5. Two visits beyond a full window are for routes that have none under way, so that a route that hangs does not keep
 * the others out. The callers of a host take turns in probing it: the last to probe lets the others go first, and a
 * probe that takes more than 10 s makes room for another.
 *
 * A visit that is put off gets its own time to come back: visits return spread, at about the pace at which the host
 * could take them. That is a turn in a queue, which spends nothing, unless the job's own route fails, or the host has
 * answered neither this route nor anyone for ten minutes: then it spends a deferral.
 *
 * A visit counts for a lease, and is renewed while it is under way (visits.ts). The state of a host expires with
 * disuse, and of its routes the latest 256 are remembered. Visits of one event-loop tick travel in one call. Where
 * Redis does not answer, every visit is admitted: limits protect others, and must not stop jobs that could run.
 */
import { createHash } from "node:crypto";
import { at } from "../core/at.ts";
import type { Destination, DestinationLimits, Destinations, HostHealth } from "../core/destination.ts";
import { encodeTime } from "../core/header.ts";
import { RetryAfterError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";
import type { RedisClock } from "./clock.ts";
import { PUT_OFF_REASON } from "./codes.ts";
import type { Connection } from "./connection.ts";
import { MIN_ALIVE_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";
import type { Visit } from "./visits.ts";
import { CALL_TIMEOUT_MS, MAX_BATCH, Visits } from "./visits.ts";

/** The longest name of a host in the DNS, and a port. A URL may contain a longer one, which leads nowhere. */
const MAX_HOST_LENGTH = 260;
/** Characters of a hash in base64: 72 bits, so that a caller cannot find a path that shares another's route. */
const HASH_LENGTH = 12;

const MESSAGES: Readonly<Record<number, (host: string) => string>> = {
  [PUT_OFF_REASON.down]: (host) => `${host} does not answer, and gets no requests for now`,
  [PUT_OFF_REASON.failing]: (host) => `requests to this path of ${host} fail, so it gets none for now`,
};
const messageFor = (reason: number, host: string): string =>
  MESSAGES[reason]?.(host) ?? `${host} takes no more requests for now`;

/** How admit.lua puts a visit off. */
interface Wait {
  readonly ms: number;
  /** One of {@link PUT_OFF_REASON}. */
  readonly reason: number;
  readonly spendsDeferral: boolean;
}

/** Numbers of the reply for each visit. */
const REPLY_LENGTH = 3;

interface Entry {
  readonly visit: Visit;
  readonly turn: string;
  readonly limits: DestinationLimits;
  readonly admitted: () => void;
  readonly putOff: (wait: Wait) => void;
}

export interface DestinationsOptions {
  readonly ns: string;
  readonly replica: string;
  readonly leaseMs: number;
  readonly clock: Pick<RedisClock, "now">;
  /** A report of this replica opened this many hosts and routes. */
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
    this.#leaseMs = Math.max(options.leaseMs, MIN_ALIVE_MS); // as long as the replica counts as alive
    const onError = (error: unknown): void =>
      options.onError(error instanceof Error ? error : new Error(messageOf(error)));
    this.#visits = new Visits(connection, { ...options, leaseMs: this.#leaseMs, onError });
  }

  enter({ host, path, caller }: Destination, limits: DestinationLimits): Promise<(health: HostHealth) => void> {
    this.#lastId += 1;
    const { replica, clock } = this.#options;
    const name = host.length > MAX_HOST_LENGTH ? hashOf(host) : host;
    const route = `${name}|${hashOf(`${caller}\0${path}`)}`;
    const id = `${replica}${encodeTime(clock.now())}${this.#lastId}`; // its columns are VISIT_ID
    const visit = { id, host: name, route, concurrency: limits.concurrency };
    return new Promise((resolve, reject) => {
      const admitted = (): void => {
        const end = this.#visits.begin(visit);
        resolve((health) => {
          end(health);
          this.#next ??= this.#call();
        });
      };
      const putOff = ({ ms, reason, spendsDeferral }: Wait): void => {
        const options = { code: "destination_limited", waitsForTurn: !spendsDeferral };
        reject(new RetryAfterError(messageFor(reason, host), ms, options));
      };
      this.#entries.push({ visit, turn: caller === "" ? route : hashOf(caller), limits, admitted, putOff });
      this.#next ??= this.#call();
    });
  }

  close(): void {
    this.#visits.close();
  }

  async #call(): Promise<void> {
    await Promise.resolve(); // the visits of this tick travel together
    this.#next = undefined;
    const entries = this.#entries.splice(0);
    this.#visits.sendReports(); // before the new visits: ended ones make room
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
    let waits: readonly (Wait | undefined)[] = [];
    try {
      waits = decodeWaits((await this.#connection.run(scripts.admit, args, CALL_TIMEOUT_MS)) as readonly number[]);
    } catch (error) {
      onError(error instanceof Error ? error : new Error(messageOf(error)));
    }
    entries.forEach(({ admitted, putOff }, i) => {
      const wait = waits[i];
      if (wait) putOff(wait);
      else admitted(); // without a reply too: Redis may count the visit, and its end is reported in any case
    });
  }
}

/** @param reply of admit.lua; one that came too late contains only the time */
function decodeWaits(reply: readonly number[]): (Wait | undefined)[] {
  const waits: (Wait | undefined)[] = [];
  for (let i = 1; i < reply.length; i += REPLY_LENGTH) {
    const [ms, reason, spends] = [at(reply, i), at(reply, i + 1), at(reply, i + 2)];
    waits.push(ms === 0 ? undefined : { ms, reason, spendsDeferral: spends === 1 });
  }
  return waits;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, HASH_LENGTH);
}
