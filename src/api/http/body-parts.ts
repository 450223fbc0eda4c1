/** The memory of a request body that arrives in parts, bounded together with all others (buffered-bytes.ts). */
import { freeBuffer } from "../../process/free-memory.ts";
import type { BufferedBytes } from "./buffered-bytes.ts";

const EMPTY = new Uint8Array(0);

export interface BodyPartsOptions {
  readonly buffered: BufferedBytes;
  /** Whom the bytes are counted for. */
  readonly caller: string;
  /** The Content-Length; NaN without one. */
  readonly announcedBytes: number;
  readonly maxBytes: number;
}

export class BodyParts {
  readonly #options: BodyPartsOptions;
  /** Its first `#receivedBytes` are filled. */
  #memory: Uint8Array<ArrayBuffer> | undefined;
  #receivedBytes = 0;
  /** What is counted: kept here because the memory loses its length when it moves to a thread. */
  #reservedBytes = 0;

  constructor(options: BodyPartsOptions) {
    this.#options = options;
  }

  /** Copies a part. @returns false if all bodies together, or those of this caller, would exceed their bound */
  add(chunk: ArrayBuffer): boolean {
    if (!this.#reserve(this.#receivedBytes + chunk.byteLength)) return false;
    this.#memory?.set(new Uint8Array(chunk), this.#receivedBytes);
    this.#receivedBytes += chunk.byteLength;
    return true;
  }

  /** All parts so far, as a view of the memory here. */
  get body(): Uint8Array {
    return this.#memory?.subarray(0, this.#receivedBytes) ?? EMPTY;
  }

  /** Whether a body is a view of the memory here. */
  owns(body: Uint8Array): boolean {
    return body.buffer === this.#memory?.buffer;
  }

  /** Frees the memory at once. Only before anyone else was given the body. */
  free(): void {
    if (this.#memory) freeBuffer(this.#memory);
    this.release();
  }

  /** Stops counting the bytes, and leaves the memory to those who use the body. */
  release(): void {
    if (this.#reservedBytes > 0) this.#options.buffered.remove(this.#options.caller, this.#reservedBytes);
    this.#reservedBytes = 0;
    this.#memory = undefined;
  }

  #reserve(bytes: number): boolean {
    if (this.#reservedBytes >= bytes) return true;
    const { buffered, caller, announcedBytes, maxBytes } = this.#options;
    // Announcing a length costs the sender nothing, so it is trusted only once a quarter of it has arrived.
    const isPlausible = announcedBytes >= bytes && announcedBytes <= 4 * bytes;
    const wanted = isPlausible ? announcedBytes : Math.min(2 * bytes, maxBytes);
    if (!buffered.add(caller, wanted - this.#reservedBytes)) return false;
    this.#reservedBytes = wanted;
    const memory = new Uint8Array(wanted);
    if (this.#memory) {
      memory.set(this.#memory);
      freeBuffer(this.#memory);
    }
    this.#memory = memory;
    return true;
  }
}
