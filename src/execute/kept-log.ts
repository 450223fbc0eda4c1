/**
 * The log lines of an attempt's handler for its record: the last ones if there are many, without secrets in URLs.
 */
import { readableText } from "../core/readable-url.ts";

const MAX_LINES = 50;
/** In characters, the time included. */
const MAX_LINE_LENGTH = 1_024;

export class KeptLog {
  readonly #startedAt: number;
  readonly #clockAtStart = performance.now();
  readonly #lines: string[] = [];
  #dropped = 0;

  /** @param startedAt when the attempt began, epoch ms of Redis: the times of its lines count from here */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  add(message: string, fields?: Record<string, unknown>): void {
    const time = new Date(Math.round(this.#startedAt + performance.now() - this.#clockAtStart)).toISOString();
    const line = `${time} ${readableText(lineOf(message, fields).slice(0, 2 * MAX_LINE_LENGTH))}`;
    // Removes characters that Postgres cannot return as text: NUL, and lone surrogates, which a cut may leave, too.
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
    return this.#dropped === 0 ? this.#lines : [`… ${this.#dropped} earlier lines were dropped`, ...this.#lines];
  }
}

/** A line of a handler, as text. */
export function lineOf(message: string, fields: Record<string, unknown> | undefined): string {
  return fields === undefined ? message : `${message} ${textOf(fields)}`;
}

/** Handlers may pass any value as fields. */
function textOf(fields: Record<string, unknown>): string {
  try {
    return JSON.stringify(fields);
  } catch {
    return "(fields that are not JSON)"; // a cycle, or a BigInt: the message is logged without them
  }
}
