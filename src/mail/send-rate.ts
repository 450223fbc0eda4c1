/** How many messages a second one replica gives to its SMTP server, evenly. */
import { setTimeout as sleep } from "node:timers/promises";
import { RetryAfterError } from "../core/job-type.ts";

/** An attempt waits so long for its turn at most; one whose turn comes later gives its slot back meanwhile. */
const LONGEST_WAIT_MS = 10_000;

export class SendRate {
  readonly #intervalMs: number;
  /** When the next message may go, by `performance.now()`. */
  #nextAt = 0;
  /** When the next one that is sent away may come back: those sent away come back one after the other, and not all at once. */
  #comeBackAt = 0;

  /** @param perSecond 0 for no limit */
  constructor(perSecond: number) {
    this.#intervalMs = perSecond === 0 ? 0 : 1_000 / perSecond;
  }

  /**
   * Sends a message away, as {@link turn} does, before anything is done for it.
   * @throws {RetryAfterError} `smtp_rate`
   */
  sendAwayIfFull(): void {
    if (this.#intervalMs !== 0) this.#turnAt(performance.now());
  }

  /**
   * Resolves when a message may be sent.
   * @throws {RetryAfterError} `smtp_rate`: its turn comes too late for this attempt, which is not counted
   */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#intervalMs === 0) return;
    const now = performance.now();
    const turnAt = this.#turnAt(now);
    this.#nextAt = turnAt + this.#intervalMs;
    if (turnAt > now) await sleep(turnAt - now, undefined, { signal });
  }

  #turnAt(now: number): number {
    const turnAt = Math.max(now, this.#nextAt);
    if (turnAt - now > LONGEST_WAIT_MS) {
      this.#comeBackAt = Math.max(turnAt, this.#comeBackAt) + this.#intervalMs;
      throw new RetryAfterError("SMTP_RATE is reached; the message waits for its turn", this.#comeBackAt - now, { code: "smtp_rate", waitsForTurn: true });
    }
    return turnAt;
  }
}
