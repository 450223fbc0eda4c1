/**
 * Large bodies take turns from their parsing to their answer: each is the objects, texts and requests of up to 10,000 jobs
 * by then, ten times its bytes. Those that wait are bytes, which the server bounds.
 */

/** One on the thread that parses, one on its way into Redis. */
const MAX_UNDER_WAY = 2;

export class LargeBodies {
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** Calls `start`, now or when it is its turn. Whatever comes of it, {@link leave} follows. */
  enter(start: () => void): void {
    if (this.#underWay === MAX_UNDER_WAY) {
      this.#waiting.push(start);
      return;
    }
    this.#underWay += 1;
    start();
  }

  /** The body's request is answered: the next one's turn. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#underWay -= 1;
  }
}
