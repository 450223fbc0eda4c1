/**
 * Looks up the names of callers' URLs. Requests for the same name share one look-up, and its result, or failure, is
 * cached for a few seconds. The number of look-ups at a time is limited, in total and for each domain (its last two
 * labels), so names of one caller that hang do not delay others. Names wait in turn, domain by domain; a name whose
 * last look-up succeeded does not count towards its domain.
 *
 * If a name does not get its turn in time, this says nothing about its host: the job is retried, and the attempt
 * does not count.
 */
import { type LookupAddress, TIMEOUT } from "node:dns";
import type { RetryAfterError } from "../core/job-type.ts";
import { outboundError } from "./error-codes.ts";
import type { Resolve } from "./guarded-lookup.ts";

/** A query is two small packets; name servers and their firewalls limit their number. */
const MAX_AT_ONCE = 256;
const MAX_OF_DOMAIN = 32;
const MAX_WAITING = 1_000;
const MAX_CACHED = 2_000;
const CACHE_MS = 5_000;
const CACHE_FAILURE_MS = 2_000;
/** A job whose look-up did not get its turn is retried after one to two times this. */
const RETURN_MS = 1_000;
/**
 * The limit for a name with all its search domains. With the wait for its turn it stays well within the default time
 * limit of a connection.
 */
const LOOKUP_MS = 5_000;
const TURN_MS = 500;

interface CachedAnswer {
  readonly addresses: readonly LookupAddress[];
  readonly error: Error | null;
  readonly until: number;
}

interface Pending {
  readonly name: string;
  readonly answers: Parameters<Resolve>[1][];
  timer?: NodeJS.Timeout;
}

export interface LookupsOptions {
  readonly addressesOf: (name: string) => Promise<readonly LookupAddress[]>;
  /** The time limit of a connection: a look-up ends earlier. */
  readonly connectTimeoutMs: number;
}

export class Lookups {
  readonly #addressesOf: LookupsOptions["addressesOf"];
  readonly #lookupMs: number;
  readonly #turnMs: number;
  readonly #cached = new Map<string, CachedAnswer>();
  readonly #pending = new Map<string, Pending>();
  /** Look-ups that have not begun, by domain. The domain whose turn is next comes first. */
  readonly #waiting = new Map<string, Pending[]>();
  readonly #running = new Map<string, number>();
  #runningInAll = 0;
  #waitingInAll = 0;

  constructor({ addressesOf, connectTimeoutMs }: LookupsOptions) {
    this.#addressesOf = addressesOf;
    this.#lookupMs = Math.min(LOOKUP_MS, connectTimeoutMs / 2);
    this.#turnMs = Math.min(TURN_MS, connectTimeoutMs / 4);
  }

  readonly resolve: Resolve = (hostname, answer) => {
    const cached = this.#cached.get(hostname);
    if (cached && performance.now() < cached.until) {
      answer(cached.error, [...cached.addresses]);
      return;
    }
    const pending = this.#pending.get(hostname);
    if (pending) {
      pending.answers.push(answer);
      return;
    }
    const fresh: Pending = { name: hostname, answers: [answer] };
    this.#pending.set(hostname, fresh);
    if (this.#hasRoom(hostname)) this.#begin(fresh);
    else this.#enqueue(fresh);
  };

  #hasRoom(name: string): boolean {
    if (this.#runningInAll >= MAX_AT_ONCE) return false;
    return this.#cached.get(name)?.error === null || (this.#running.get(domainOf(name)) ?? 0) < MAX_OF_DOMAIN;
  }

  #enqueue(pending: Pending): void {
    if (this.#waitingInAll >= MAX_WAITING) {
      this.#answer(pending, turnOf(pending.name), []);
      return;
    }
    const domain = domainOf(pending.name);
    const queue = this.#waiting.get(domain);
    if (queue) queue.push(pending);
    else this.#waiting.set(domain, [pending]);
    this.#waitingInAll += 1;
    pending.timer = setTimeout(() => {
      this.#leave(domain, pending);
      this.#answer(pending, turnOf(pending.name), []);
    }, this.#turnMs);
  }

  #leave(domain: string, pending: Pending): void {
    const left = (this.#waiting.get(domain) ?? []).filter((other) => other !== pending);
    this.#waiting.delete(domain); // moves the domain behind the others
    if (left.length > 0) this.#waiting.set(domain, left);
    this.#waitingInAll -= 1;
    clearTimeout(pending.timer);
  }

  #begin(pending: Pending): void {
    const domain = domainOf(pending.name);
    this.#running.set(domain, (this.#running.get(domain) ?? 0) + 1);
    this.#runningInAll += 1;
    const free = (): void => {
      const running = (this.#running.get(domain) ?? 1) - 1;
      if (running > 0) this.#running.set(domain, running);
      else this.#running.delete(domain);
      this.#runningInAll -= 1;
      this.#next();
    };
    this.#look(pending).then(free, free);
  }

  /** Never rejects. */
  async #look(pending: Pending): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(Object.assign(new Error(`no name server answered for ${pending.name}`), { code: TIMEOUT })),
        this.#lookupMs,
      );
    });
    let cached: CachedAnswer;
    try {
      const addresses = await Promise.race([this.#addressesOf(pending.name), timeout]);
      cached = { addresses, error: null, until: performance.now() + CACHE_MS };
    } catch (error) {
      cached = { addresses: [], error: error as Error, until: performance.now() + CACHE_FAILURE_MS };
    }
    clearTimeout(timer);
    this.#cache(pending.name, cached);
    this.#answer(pending, cached.error, cached.addresses);
  }

  #next(): void {
    for (const [domain, queue] of [...this.#waiting]) {
      const first = queue.find(({ name }) => this.#hasRoom(name));
      if (first === undefined) continue;
      this.#leave(domain, first);
      this.#begin(first);
      return;
    }
  }

  #cache(name: string, cached: CachedAnswer): void {
    this.#cached.delete(name);
    this.#cached.set(name, cached);
    const [oldest] = this.#cached.keys();
    if (this.#cached.size > MAX_CACHED && oldest !== undefined) this.#cached.delete(oldest);
  }

  #answer(pending: Pending, error: Error | null, addresses: readonly LookupAddress[]): void {
    this.#pending.delete(pending.name);
    for (const answer of pending.answers) answer(error, [...addresses]);
  }
}

function domainOf(name: string): string {
  return name
    .split(".")
    .filter((label) => label !== "")
    .slice(-2)
    .join(".");
}

/**
 * The look-up did not begin: the job waits for its turn under a limit of this replica, and the attempt does not count.
 */
function turnOf(name: string): RetryAfterError {
  return outboundError.retryAfter(
    "destination_limited",
    `the look-up of ${name} waits for its turn`,
    RETURN_MS * (1 + Math.random()),
    { waitsForTurn: true },
  );
}
