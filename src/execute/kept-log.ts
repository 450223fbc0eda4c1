/** The lines that an attempt's handler writes, as far as they are kept with its record: the last ones, where they are many, without what is secret in URLs. */
import { readableText } from "../core/readable-url.ts";

const MAX_LINES = 50;
/** In characters, the time included. */
const MAX_LINE_LENGTH = 1_024;

export class KeptLog {
  readonly #startedAt: number;
  readonly #clockAtStart = performance.now();
  readonly #lines: string[] = [];
  #dropped = 0;

  /** @param startedAt when the attempt began, epoch ms, Redis's: what the times of its lines count from */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  add(message: string, fields?: Record<string, unknown>): void {
    const time = new Date(Math.round(this.#startedAt + performance.now() - this.#clockAtStart)).toISOString();
    const line = `${time} ${readableText(lineOf(message, fields).slice(0, 2 * MAX_LINE_LENGTH))}`;
    // Without what Postgres cannot show again as text: NUL, and halves of surrogate pairs, which a cut may leave too.
    this.#lines.push(
      (line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH - 1)}…` : line).replace(
        /\0|\p{Surrogate}/gu,
        "\uFFFD",
      ),
    );
    if (this.#lines.length <= MAX_LINES) return;
    this.#lines.shift();
    this.#dropped += 1;
  }

  get lines(): readonly string[] {
    return this.#dropped === 0 ? this.#lines : [`… ${this.#dropped} earlier lines were not kept`, ...this.#lines];
  }
}

/** What a handler wrote, as text. */
export function lineOf(message: string, fields: Record<string, unknown> | undefined): string {
  return fields === undefined ? message : `${message} ${textOf(fields)}`;
}

/** What a handler gives as fields may be anything. */
function textOf(fields: Record<string, unknown>): string {
  try {
    return JSON.stringify(fields);
  } catch {
    return "(fields that are not JSON)"; // a circle, or a BigInt: the message stands for itself
  }
}
