/** Bytes of bodies that are in memory until their requests are answered: bounded in all, and for each caller so that there is room for others. */
const CALLER_SHARE = 1 / 2;

export class BufferedBytes {
  readonly #most: number;
  #all = 0;
  readonly #byCaller = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts bytes of a caller. @returns false where that is too much: then nothing is counted */
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
