/** Work for many clients, done in order, a few milliseconds in each turn of the event loop, so that requests are served in between. */

/** Short beside the delays that a busy replica has anyway. */
const TURN_MS = 5;

export class SlicedWork {
  readonly #queue: Iterator<unknown>[] = [];
  #isRunning = false;
  /** When the slice of this turn ends; undefined where none was begun. */
  #sliceEnd: number | undefined;

  /** Runs each step of `work` after all steps of what was added before; the first ones at once, where this turn has time left for them. */
  add(work: Iterable<unknown>): void {
    this.#queue.push(work[Symbol.iterator]());
    if (!this.#isRunning) this.#run();
  }

  #run(): void {
    if (this.#sliceEnd === undefined) {
      this.#sliceEnd = performance.now() + TURN_MS;
      setImmediate(() => {
        this.#sliceEnd = undefined;
        if (this.#queue.length > 0) this.#run();
      });
    }
    this.#isRunning = true;
    for (let work = this.#queue[0]; work && performance.now() < this.#sliceEnd; work = this.#queue[0]) {
      if (work.next().done) this.#queue.shift();
    }
    this.#isRunning = false;
  }
}
