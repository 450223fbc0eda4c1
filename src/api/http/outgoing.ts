/**
 * Writes the answers of one turn of the event loop together, at its end. A client that wakes up for the first one finds
 * the next ones there, instead of going to sleep in between: under load, some 3 % more jobs (end-to-end benchmark).
 */
export class Outgoing {
  #writes: (() => void)[] = [];
  readonly #flush = (): void => {
    const writes = this.#writes;
    this.#writes = [];
    for (const write of writes) write();
  };

  /** Calls `write` at the end of this turn, before the next request is read. `write` must not throw. */
  add(write: () => void): void {
    if (this.#writes.push(write) === 1) queueMicrotask(this.#flush);
  }
}
