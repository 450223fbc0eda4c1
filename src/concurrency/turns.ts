/**
 * Runs work of one kind, one piece at a time. Callers take turns, so a caller with many pieces delays no other caller.
 */
export class Turns {
  #isTaken = false;
  /** The waiting pieces by caller; the first caller is next. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /**
   * Runs a piece of work when it is this caller's turn.
   * @param caller whose pieces run one after the other
   * @param signal ends the wait; a running piece continues
   */
  async take<T>(caller: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#isTaken) await this.#turn(caller, signal);
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #turn(caller: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        const remaining = (this.#waiting.get(caller) ?? []).filter((each) => each !== start);
        if (remaining.length > 0) this.#waiting.set(caller, remaining);
        else this.#waiting.delete(caller);
        reject(signal?.reason as Error);
      };
      this.#waiting.set(caller, [...(this.#waiting.get(caller) ?? []), start]);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Starts the next piece, without freeing the turn in between. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    const [caller, [start, ...remaining]] = next;
    this.#waiting.delete(caller);
    if (remaining.length > 0) this.#waiting.set(caller, remaining); // behind all other callers
    start?.();
  }
}
