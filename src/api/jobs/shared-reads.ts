/**
 * Reads by key that are shared: keys that are asked for in one turn of the event loop, or while a call is under way, are read by the next
 * call, each once, however many ask for it. One call is under way at a time.
 */

interface Asker<Value> {
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedReads<Value> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;
  readonly #maxKeys: number;
  #asked = new Map<string, Asker<Value>[]>();
  #isReading = false;

  /** @param read the values that exist of some keys @param maxKeys how many one call reads */
  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>, maxKeys: number) {
    this.#read = read;
    this.#maxKeys = maxKeys;
  }

  /** The value as a call that begins after this one reads it; undefined where there is none. Rejects as that call does. */
  get(key: string): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const asker = { resolve, reject };
      const others = this.#asked.get(key);
      if (others) others.push(asker);
      else this.#asked.set(key, [asker]);
      if (this.#isReading) return;
      this.#isReading = true;
      setImmediate(() => this.#readAll());
    });
  }

  #readAll(): void {
    const batch = new Map<string, Asker<Value>[]>();
    for (const [key, askers] of this.#asked) {
      batch.set(key, askers);
      this.#asked.delete(key);
      if (batch.size === this.#maxKeys) break;
    }
    this.#read([...batch.keys()])
      .then(
        (values) => {
          for (const [key, askers] of batch) for (const { resolve } of askers) resolve(values.get(key));
        },
        (error: unknown) => {
          for (const askers of batch.values()) for (const { reject } of askers) reject(error);
        },
      )
      .finally(() => {
        if (this.#asked.size > 0) this.#readAll();
        else this.#isReading = false;
      });
  }
}
