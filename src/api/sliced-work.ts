/** Work for many clients, done in order, a few milliseconds in each turn of the event loop, so that requests and leases are served in between. */

/** Half of what the pickup of a small job takes under load. */
const TURN_MS = 5;

export class SlicedWork {
  readonly #queue: Iterator<unknown>[] = [];
  #isRunning = false;

  /** Runs each step of `work` after all steps of what was added before; the first steps in this turn, where nothing is left of earlier work. */
  add(work: Iterable<unknown>): void {
    this.#queue.push(work[Symbol.iterator]());
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run();
  }

  #run(): void {
    const end = performance.now() + TURN_MS;
    for (let work = this.#queue[0]; work; work = this.#queue[0]) {
      if (work.next().done) this.#queue.shift();
      if (performance.now() < end) continue;
      setImmediate(() => this.#run());
      return;
    }
    this.#isRunning = false;
  }
}
