/**
 * The destinations of all replicas, in Redis: what stands between a type that sends to hosts of its callers and a host that
 * is slow, dead or just back.
 *
 * Closed: up to `window` attempts at once. The window begins at 10, grows by one with each answer while more is asked for, up to
 * the limit, and halves with each failure, as TCP's does (RFC 5681): a host that hangs never holds more than a few slots.
 * Open, after 5 failures in a row: nothing is sent for 1 s, doubled with each opening up to 60 s.
 * Half-open, after that: the window is 1, so one attempt probes. If it fails, open again; if not, the window grows from there.
 *
 * Who is refused gets a time to come back, each its own: they return spread, at about the pace at which the host could take
 * them. Where the host is well, that is a turn in a queue, which spends nothing; where it is in trouble, a deferral. What is known of a host expires with disuse. Attempts of one event-loop tick travel in one call. Where Redis gives no
 * answer, everyone is let in: limits protect others, and must not stop what could go out.
 */
import type { DestinationLimits, Destinations, Sign } from "../core/destination.ts";
import { RetryAfterError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";

/** Longer would be a delay that no limit is worth. */
const CALL_TIMEOUT_MS = 1_000;
/** Of reports that Redis did not take. */
const REPEAT_MS = 500;
const MAX_KEPT = 40_000;
/** A handler that was told to stop has five seconds for it. */
const STOP_GRACE_MS = 5_000;

interface Entry {
  readonly destination: string;
  readonly id: string;
  readonly limits: DestinationLimits;
  readonly forMs: number;
  /** In how many ms to come back, 0 to go now, less than 0 where the host is in trouble; and when that was decided, Redis's time. */
  readonly decided: (waitMs: number, now: number) => void;
  readonly undecided: () => void;
}

interface DestinationsOptions {
  readonly ns: string;
  readonly replica: string;
  /** A report from here opened so many. */
  readonly onOpened: (destinations: number) => void;
  readonly onError: (error: Error) => void;
}

export class RedisDestinations implements Destinations {
  readonly #connection: Pick<Connection, "run">;
  readonly #ns: string;
  readonly #replica: string;
  readonly #onOpened: (destinations: number) => void;
  readonly #onError: (error: Error) => void;
  #lastId = 0;
  #entries: Entry[] = [];
  #reports: string[] = [];
  /** The call that waits for the end of this tick. */
  #next: Promise<void> | undefined;
  #repeat: NodeJS.Timeout | undefined;

  constructor(connection: Pick<Connection, "run">, { ns, replica, onOpened, onError }: DestinationsOptions) {
    this.#connection = connection;
    this.#ns = ns;
    this.#replica = replica;
    this.#onOpened = onOpened;
    this.#onError = onError;
  }

  enter(destination: string, limits: DestinationLimits, forMs: number): Promise<(sign: Sign) => void> {
    this.#lastId += 1;
    const id = `${this.#replica}${this.#lastId}`;
    return new Promise((resolve, reject) => {
      const decided = (waitMs: number, now: number): void => {
        if (waitMs !== 0) reject(new RetryAfterError(`${destination} takes no more for now`, Math.abs(waitMs), { code: "destination_limited", waitsForTurn: waitMs > 0 }));
        else resolve((sign) => this.#report(destination, `${now}:${id}`, limits, sign));
      };
      this.#entries.push({ destination, id, limits, forMs, decided, undecided: () => resolve(() => undefined) });
      this.#next ??= this.#call();
    });
  }

  #report(destination: string, member: string, { concurrency }: DestinationLimits, sign: Sign): void {
    this.#reports.push(destination, member, String(concurrency), sign);
    this.#next ??= this.#call();
  }

  async #call(): Promise<void> {
    await Promise.resolve(); // what is asked in this tick travels together
    this.#next = undefined;
    const [entries, reports] = [this.#entries, this.#reports];
    [this.#entries, this.#reports] = [[], []];
    await Promise.all([this.#sendReports(reports), this.#decide(entries)]); // sent in this order: who goes makes room for who comes
  }

  async #sendReports(reports: readonly string[]): Promise<void> {
    if (reports.length === 0) return;
    try {
      const opened = (await this.#connection.run(scripts.report, [this.#ns, ...reports], CALL_TIMEOUT_MS)) as number;
      if (opened > 0) this.#onOpened(opened);
    } catch (error) {
      this.#keep(reports);
      this.#failed(error);
    }
  }

  /** What could not be told is told with the next call, and soon; a repeat changes nothing. What is too much is over when its time is. */
  #keep(reports: readonly string[]): void {
    if (this.#reports.length > MAX_KEPT) return;
    this.#reports.push(...reports);
    this.#repeat ??= setTimeout(() => {
      this.#repeat = undefined;
      this.#next ??= this.#call();
    }, REPEAT_MS).unref();
  }

  async #decide(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const args = [this.#ns];
    for (const { destination, id, limits, forMs } of entries) args.push(destination, id, String(forMs + STOP_GRACE_MS), String(limits.concurrency), String(limits.perSecond));
    try {
      const [now = 0, ...waits] = (await this.#connection.run(scripts.admit, args, CALL_TIMEOUT_MS)) as readonly number[];
      entries.forEach(({ decided }, i) => decided(waits[i] ?? 0, now));
    } catch (error) {
      for (const { undecided } of entries) undecided();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#onError(error instanceof Error ? error : new Error(messageOf(error)));
  }
}
