/**
 * Shared reads by key. Keys that are requested in one turn of the event loop, or during a call, are read by the next
 * call, each of them once for all requests. There is one call at a time.
 */

interface Request<Value> {
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedReads<Value> {
  readonly #read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;
  readonly #maxKeys: number;
  #requested = new Map<string, Request<Value>[]>();
  #isReading = false;

  /** @param read reads the existing values of some keys @param maxKeys how many keys one call reads */
  constructor(read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>, maxKeys: number) {
    this.#read = read;
    this.#maxKeys = maxKeys;
  }

  /** Reads a value in a call that begins after this one; undefined if there is none. Rejects as that call does. */
  get(key: string): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const request = { resolve, reject };
      const others = this.#requested.get(key);
      if (others) others.push(request);
      else this.#requested.set(key, [request]);
      if (this.#isReading) return;
      this.#isReading = true;
      setImmediate(() => this.#readAll());
    });
  }

  #readAll(): void {
    const batch = new Map<string, Request<Value>[]>();
    for (const [key, requests] of this.#requested) {
      batch.set(key, requests);
      this.#requested.delete(key);
      if (batch.size === this.#maxKeys) break;
    }
    this.#read([...batch.keys()])
      .then(
        (values) => {
          for (const [key, requests] of batch) for (const { resolve } of requests) resolve(values.get(key));
        },
        (error: unknown) => {
          for (const requests of batch.values()) for (const { reject } of requests) reject(error);
        },
      )
      .finally(() => {
        if (this.#requested.size > 0) this.#readAll();
        else this.#isReading = false;
      });
  }
}
