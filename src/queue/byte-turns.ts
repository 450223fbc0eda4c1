/** Lets calls in by turns, as long as what all of them hold stays within a number of bytes; one alone may hold more. */

/** More callers than this find it full at once. */
const MAX_WAITING = 1_000;

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

export class ByteTurns {
  readonly #limit: number;
  #used = 0;
  readonly #waiting: Waiting[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Waits for a turn. @returns what ends it, to be called once; undefined where too many wait */
  enter(bytes: number): Promise<(() => void) | undefined> {
    const leave = (): void => this.#leave(bytes);
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes;
      return Promise.resolve(leave);
    }
    if (this.#waiting.length >= MAX_WAITING) return Promise.resolve(undefined);
    return new Promise((resolve) => { this.#waiting.push({ bytes, start: () => resolve(leave) }); });
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit;
  }

  #leave(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
