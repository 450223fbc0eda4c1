/**
 * The connections of one replica to Redis, one for each kind of call: slow calls of one kind do not delay the others.
 */
import { checkAccess } from "./access.ts";
import type { RedisClock } from "./clock.ts";
import type { Reply } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { Reach } from "./reach.ts";
import type { Script } from "./scripts.ts";

export interface ConnectionsHooks {
  readonly onRoundTrip: (script: string, seconds: number) => void;
  /** A connection was established or re-established. */
  readonly onReady: () => void;
}

export class Connections {
  readonly submissions: Connection;
  /** Claims, renewals and settles wait behind neither submissions nor readers. */
  readonly work: Connection;
  readonly reads: Connection;
  /** Large payloads, in both directions. */
  readonly bytes: Connection;
  readonly #clock: RedisClock;
  #lastRoundTripAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, clock: RedisClock, reach: Reach, { onRoundTrip, onReady }: ConnectionsHooks) {
    this.#clock = clock;
    const connect = (name: string): Connection => {
      const connection = reach.of(name);
      return new Connection(
        url,
        {
          onError: connection.onError,
          onReady: () => {
            connection.onReady();
            onReady();
          },
          onRoundTrip: (script, seconds) => {
            this.#lastRoundTripAt = performance.now();
            onRoundTrip(script, seconds);
          },
        },
        name,
      );
    };
    this.submissions = connect("submissions");
    this.work = connect("work");
    this.reads = connect("reads");
    this.bytes = connect("payloads");
  }

  /**
   * Waits for all connections, checks what the user may do, and loads the scripts.
   * @returns warnings, a sentence each
   * @throws as {@link Queue.open}
   */
  async open(ns: string, timeoutMs: number): Promise<string[]> {
    await Promise.all(this.#all.map((connection) => connection.opened(timeoutMs)));
    const warnings = await checkAccess(this.work, { ns, timeoutMs });
    await this.work.loadScripts(timeoutMs);
    return warnings;
  }

  /** Milliseconds since the last round trip of a script. */
  get silentMs(): number {
    return performance.now() - this.#lastRoundTripAt;
  }

  /** Runs a script whose reply begins with Redis's time, which sets the clock. */
  async runTimed(script: Script, args: string[], timeoutMs: number): Promise<Reply> {
    const sentAt = performance.now();
    const reply = await this.work.run(script, args, timeoutMs);
    if (Array.isArray(reply)) this.#clock.learn(Number(reply[0]), sentAt, performance.now());
    return reply;
  }

  /** Sets the clock by the command TIME. */
  async learnTime(timeoutMs: number): Promise<void> {
    const sentAt = performance.now();
    const [seconds, micros] = (await this.work.send("time", [], timeoutMs)) as [string, string];
    this.#clock.learn(Number(seconds) * 1_000 + Number(micros) / 1_000, sentAt, performance.now());
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  get #all(): readonly Connection[] {
    return [this.submissions, this.work, this.reads, this.bytes];
  }
}
