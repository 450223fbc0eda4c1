/**
 * Counts the bytes of bodies in memory whose requests are not answered yet, and bounds them in total and per caller.
 */

/** One caller may use half of the memory, so that others always find room. */
const CALLER_SHARE = 1 / 2;

export class BufferedBytes {
  readonly #most: number;
  #all = 0;
  readonly #byCaller = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts bytes of a caller. @returns false if that exceeds a bound: then nothing is counted */
  add(caller: string, bytes: number): boolean {
    const ofCaller = (this.#byCaller.get(caller) ?? 0) + bytes;
    if (this.#all + bytes > this.#most || ofCaller > CALLER_SHARE * this.#most) return false;
    this.#all += bytes;
    this.#byCaller.set(caller, ofCaller);
    return true;
  }

  remove(caller: string, bytes: number): void {
    const left = (this.#byCaller.get(caller) ?? 0) - bytes;
    this.#all -= bytes;
    if (left > 0) this.#byCaller.set(caller, left);
    else this.#byCaller.delete(caller);
  }
}
