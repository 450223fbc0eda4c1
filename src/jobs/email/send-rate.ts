/** Limits the messages per second that one replica sends to its SMTP server, evenly spaced. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RetryAfterError } from "../../core/job-type.ts";
import { SHARED_MEMORY_BYTES } from "../../core/job-type.ts";
import { emailError } from "./error-codes.ts";

/**
 * The longest wait of an attempt for its turn. If the turn comes later, the attempt gives up its slot and is retried.
 */
const LONGEST_WAIT_US = 10_000_000n;

/**
 * The index of the time in the memory that the replica's threads share, in microseconds of the machine's monotonic
 * clock.
 */
const NEXT_AT = 0;
const COME_BACK_AT = 1;

export class SendRate {
  readonly #intervalUs: bigint;
  /**
   * The time of the next message, and the time at which the next message that is sent away is retried, so that those
   * are not all retried at once.
   */
  readonly #times: BigInt64Array;

  /** @param perSecond 0 for no limit @param memory shared by all threads with this rate, initially zeroed */
  constructor(perSecond: number, memory = new SharedArrayBuffer(SHARED_MEMORY_BYTES)) {
    this.#intervalUs = perSecond === 0 ? 0n : BigInt(Math.round(1_000_000 / perSecond));
    this.#times = new BigInt64Array(memory);
  }

  /**
   * Makes a message wait for its turn, as {@link turn} does, before any work is done for it.
   * @throws {RetryAfterError} `smtp_rate`
   */
  sendAwayIfFull(): void {
    const now = nowUs();
    const nextAt = Atomics.load(this.#times, NEXT_AT);
    if (nextAt - now > LONGEST_WAIT_US) throw this.#tooLate(now, nextAt);
  }

  /**
   * Resolves when a message may be sent.
   * @throws {RetryAfterError} `smtp_rate`: its turn comes too late for this attempt, which is not counted
   */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#intervalUs === 0n) return;
    for (;;) {
      const now = nowUs();
      const nextAt = Atomics.load(this.#times, NEXT_AT);
      const turnAt = nextAt > now ? nextAt : now;
      if (turnAt - now > LONGEST_WAIT_US) throw this.#tooLate(now, turnAt);
      // another thread took this turn
      if (Atomics.compareExchange(this.#times, NEXT_AT, nextAt, turnAt + this.#intervalUs) !== nextAt) continue;
      if (turnAt > now) await sleep(Number(turnAt - now) / 1_000, undefined, { signal });
      return;
    }
  }

  #tooLate(now: bigint, turnAt: bigint): RetryAfterError {
    const before = Atomics.load(this.#times, COME_BACK_AT);
    const at = (before > turnAt ? before : turnAt) + this.#intervalUs;
    Atomics.store(this.#times, COME_BACK_AT, at);
    return emailError.retryAfter(
      "smtp_rate",
      "SMTP_RATE is reached; the message waits for its turn",
      Number(at - now) / 1_000,
      { waitsForTurn: true },
    );
  }
}

function nowUs(): bigint {
  return process.hrtime.bigint() / 1_000n;
}
