/** Access to something for one at a time. Those who wait are in groups, which take turns; within a group the first to come is first. */
export class Turns {
  /** The waiting of each group, in the order of the groups' turns. */
  readonly #groups = new Map<string, Set<() => void>>();
  #isTaken = false;

  /**
   * Resolves when it is this one's turn, with what ends the turn.
   * @throws the reason of `signal`, when that ends the wait
   */
  async take(group: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isTaken) await this.#wait(group, signal);
    this.#isTaken = true;
    return this.#end;
  }

  #wait(group: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, waiting);
    return new Promise((resolve, reject) => {
      const onTurn = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.delete(onTurn);
        if (waiting.size === 0 && this.#groups.get(group) === waiting) this.#groups.delete(group);
        reject(signal.reason as Error);
      };
      waiting.add(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Hands over to the next, so that nobody who comes meanwhile is faster. */
  readonly #end = (): void => {
    const [next] = this.#groups;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    const [group, waiting] = next;
    this.#groups.delete(group);
    const [onTurn] = waiting;
    if (onTurn !== undefined) waiting.delete(onTurn);
    if (waiting.size > 0) this.#groups.set(group, waiting); // behind the others
    onTurn?.();
  };
}
