/**
 * Does work for many clients in order, a few milliseconds per turn of the event loop, so that requests are served in
 * between.
 */

/** Short compared with the delays that a busy replica has anyway. */
const TURN_MS = 5;

export class SlicedWork {
  readonly #queue: Iterator<unknown>[] = [];
  #isRunning = false;
  /** When the slice of this turn ends; undefined if none has begun. */
  #sliceEnd: number | undefined;

  /** Runs the steps of `work` after those of earlier work; the first ones at once if this turn has time left. */
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
