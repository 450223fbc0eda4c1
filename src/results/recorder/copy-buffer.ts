/**
 * Rows in COPY's binary format (PostgreSQL manual, "COPY", File Formats; the values as the server's own `recv`
 * functions read them), in memory that is used again for the next batch. Against COPY's text, Postgres spends a quarter
 * less on a row, and nothing is made here that is thrown away again.
 *
 *   begin ─▶ row, then as many values as it has columns ─▶ … ─▶ end
 */

import type { Payload } from "../../core/payload.ts";
import { dataOf, isLarge } from "../../core/payload.ts";

/** How much memory is kept between batches; a batch of large payloads takes more, for itself alone. */
const KEPT_BYTES = 1_024 * 1_024;
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const MAX_BYTES_PER_CHAR = 3;
/** Up to so many characters are copied here one by one: a call of Buffer costs as much. */
const SHORT_LENGTH = 16;

const SIGNATURE = Buffer.from("PGCOPY\n\u00ff\r\n\0", "latin1");
const INT32_BYTES = 4;
const NULL = -1;
const NO_MORE_ROWS = -1;
const TEXT_OID = 25;
/** 2000-01-01, from which Postgres counts microseconds. */
const EPOCH_MS = Date.UTC(2000);
/** `timestamptz` ends in the year 294276, JavaScript's time before. */
const MAX_TIME_MS = 8.64e15;

export class CopyBuffer {
  readonly #kept: Buffer = Buffer.allocUnsafeSlow(KEPT_BYTES);
  #bytes: Buffer = this.#kept;
  #view = viewOf(this.#kept);
  #length = 0;
  /** The rows up to here, large values between them. */
  #parts: Uint8Array[] = [];
  #cutAt = 0;

  /** Starts anew. What `end` returned before is no longer valid. */
  begin(): void {
    this.#use(this.#kept);
    this.#parts = [];
    this.#cutAt = 0;
    SIGNATURE.copy(this.#bytes);
    this.#length = SIGNATURE.length;
    this.#int32(0); // flags
    this.#int32(0); // no further header
  }

  /** Begins a row of so many values. */
  row(columns: number): void {
    this.#reserve(2);
    this.#int16(columns);
  }

  /** @throws RangeError for what is none */
  smallint(value: number): void {
    if (value !== (value << 16) >> 16) throw new RangeError(`${value} is no smallint`);
    this.#reserve(INT32_BYTES + 2);
    this.#int32(2);
    this.#int16(value);
  }

  /** @param epochMs nothing stands for NULL @throws RangeError for what is no time */
  timestamp(epochMs: number | null | undefined): void {
    if (epochMs === null || epochMs === undefined) {
      this.#null();
      return;
    }
    if (!(Math.abs(epochMs) <= MAX_TIME_MS)) throw new RangeError(`${epochMs} is no time`);
    this.#reserve(INT32_BYTES + 8);
    this.#int32(8);
    const ms = Math.floor(epochMs) - EPOCH_MS;
    const high = Math.floor(ms / 2 ** 32);
    const lowMicros = (ms - high * 2 ** 32) * 1_000;
    this.#int32(high * 1_000 + Math.floor(lowMicros / 2 ** 32));
    this.#int32(lowMicros); // modulo 2^32, as DataView stores it
  }

  /** @param text in the canonical form; nothing stands for NULL @throws RangeError for any other */
  uuid(text: string | null | undefined): void {
    if (text === null || text === undefined) {
      this.#null();
      return;
    }
    this.#reserve(INT32_BYTES + 16);
    this.#int32(16);
    const bytes = this.#bytes;
    let length = this.#length;
    let strange = text.length ^ 36;
    for (let at = 0; at < 36; at += 2) {
      if (at === 8 || at === 13 || at === 18 || at === 23) {
        strange |= text.charCodeAt(at) ^ DASH;
        at += 1;
      }
      const high = hexDigit(text.charCodeAt(at));
      const low = hexDigit(text.charCodeAt(at + 1));
      strange |= (high | low) & ~15;
      bytes[length] = (high << 4) | low;
      length += 1;
    }
    this.#length = length;
    if (strange !== 0) throw new RangeError(`"${text}" is no UUID`);
  }

  /** A value of type `text` or `json`. @param value nothing stands for NULL */
  text(value: string | null | undefined): void {
    if (value === null || value === undefined) {
      this.#null();
      return;
    }
    this.#reserve(INT32_BYTES + value.length * MAX_BYTES_PER_CHAR);
    const start = this.#length + INT32_BYTES;
    const isCopied = value.length <= SHORT_LENGTH && this.#copyAscii(value, start);
    const bytes = isCopied ? value.length : this.#bytes.write(value, start);
    this.#int32(bytes);
    this.#length = start + bytes;
  }

  /** A payload as a value of type `json`. @throws Error for a large one without its data */
  json(payload: Payload): void {
    if (isLarge(payload)) this.bytes("", dataOf(payload));
    else this.text(payload);
  }

  /**
   * A value of type `text` or `json`: a text, and bytes of UTF-8 that follow it. The bytes are not copied: they must
   * not change before the rows are sent.
   */
  bytes(text: string, bytes: Uint8Array): void {
    const start = this.#length;
    this.text(text);
    this.#view.setInt32(start, this.#length - start - INT32_BYTES + bytes.length);
    this.#cut();
    this.#parts.push(bytes);
  }

  /** A value of type `text[]`. */
  texts(values: readonly string[]): void {
    const start = this.#length;
    this.#reserve(6 * INT32_BYTES);
    this.#length += INT32_BYTES;
    this.#int32(values.length === 0 ? 0 : 1); // dimensions
    this.#int32(0); // none of them NULL
    this.#int32(TEXT_OID);
    if (values.length > 0) {
      this.#int32(values.length);
      this.#int32(1); // the index of the first
      for (const value of values) this.text(value);
    }
    this.#view.setInt32(start, this.#length - start - INT32_BYTES);
  }

  /** All rows, in parts; valid until the next `begin`. */
  end(): readonly Uint8Array[] {
    this.row(NO_MORE_ROWS);
    this.#cut();
    const rows = this.#parts;
    this.#parts = [];
    this.#use(this.#kept); // what it has grown to goes with this batch
    return rows;
  }

  /** Ends a part of the rows here. */
  #cut(): void {
    this.#parts.push(this.#bytes.subarray(this.#cutAt, this.#length));
    this.#cutAt = this.#length;
  }

  #null(): void {
    this.#reserve(INT32_BYTES);
    this.#int32(NULL);
  }

  #int16(value: number): void {
    this.#view.setInt16(this.#length, value);
    this.#length += 2;
  }

  #int32(value: number): void {
    this.#view.setInt32(this.#length, value);
    this.#length += INT32_BYTES;
  }

  #copyAscii(value: string, start: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    return true;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#use(larger);
  }

  #use(bytes: Buffer): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

const DASH = 0x2d;

/** The value of a lower-case hexadecimal digit; of any other character, something that is not within 0 to 15. */
function hexDigit(code: number): number {
  return code < 0x3a ? code - 0x30 : code < 0x61 ? -1 : code - 0x57;
}
