/** A streamed text body. It ends when the writer ends it, or when the client disconnects or reads too slowly. */
import type { TextStream } from "./exchange.ts";

/** The part of uWebSockets.js's HttpResponse that is used here. */
export interface ChunkedResponse {
  cork(write: () => void): unknown;
  /** @returns whether the client can receive more; the rest is buffered, without a bound */
  write(chunk: string): boolean;
  end(): unknown;
  close(): unknown;
  onWritable(resume: (offset: number) => boolean): unknown;
}

/** Passed to the library in one call: it buffers all of it if the client reads nothing. */
const PIECE_LENGTH = 64 * 1024;
/**
 * The bound of the text that waits for a slow client, in characters. The changes of a batch of 10,000 jobs have 1.7
 * million.
 */
const MAX_WAITING = 4 * 1024 * 1024;

export class ResponseStream implements TextStream {
  readonly #response: ChunkedResponse;
  readonly #onOver: () => void;
  #waiting: string[] = [];
  #waitingLength = 0;
  #isFull = false;
  #isOver = false;
  #onWritable = (): void => undefined;

  /** @param onOver called once if the stream ends other than by {@link end} */
  constructor(response: ChunkedResponse, onOver: () => void) {
    this.#response = response;
    this.#onOver = onOver;
    response.onWritable(() => {
      this.#isFull = false;
      this.#flush();
      if (this.#waiting.length === 0) this.#onWritable();
      return true;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  onWritable(listener: () => void): void {
    this.#onWritable = listener;
  }

  write(text: string): void {
    if (this.#isOver) return;
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    if (!this.#isFull) this.#flush();
    if (this.#waitingLength > MAX_WAITING) this.cut();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#response.cork(() => {
      for (const text of this.#waiting) this.#response.write(text);
      this.#response.end();
    });
  }

  cut(): void {
    if (this.#isOver) return;
    this.#response.close(); // aborts the exchange, unless the library has done so already
    this.abort();
  }

  /** The client has disconnected. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#onOver();
  }

  #flush(): void {
    if (this.#isOver || this.#waiting.length === 0) return;
    const text = this.#waiting.join("");
    let at = 0;
    this.#response.cork(() => {
      while (at < text.length && !this.#isFull) {
        const end = Math.min(at + PIECE_LENGTH, text.length);
        this.#isFull = !this.#response.write(text.slice(at, end));
        at = end;
      }
    });
    this.#waiting = at < text.length ? [text.slice(at)] : [];
    this.#waitingLength = text.length - at;
  }
}
