import type { Table, TableRow } from "./table.ts";

/** Reads rows that arrive in batches, in portions that the reader chooses. */
export class RowCursor {
  readonly #batches: AsyncIterator<readonly TableRow[]> | Iterator<readonly TableRow[]>;
  readonly #onRows: (rows: number) => void;
  #batch: readonly TableRow[] = [];
  #taken = 0;

  /** @param onRows called after each batch with the number of rows read so far */
  constructor(batches: Table["batches"], onRows: (rows: number) => void) {
    this.#batches = Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
    this.#onRows = onRows;
  }

  async hasMore(): Promise<boolean> {
    while (this.#batch.length === 0) {
      const next = await this.#batches.next();
      if (next.done === true) return false;
      this.#batch = next.value;
    }
    return true;
  }

  /** Returns between one row and `most` rows; no rows at the end. */
  async take(most: number): Promise<readonly TableRow[]> {
    if (!(await this.hasMore())) return [];
    const taken = this.#batch.slice(0, most);
    this.#batch = this.#batch.length > most ? this.#batch.slice(most) : [];
    this.#taken += taken.length;
    this.#onRows(this.#taken);
    return taken;
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}
