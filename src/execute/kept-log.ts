/**
 * The log lines of an attempt's handler for its record: the last ones if there are many, without secrets in URLs.
 */
import { readableText } from "../core/readable-url.ts";

const MAX_LINES = 50;
/** In characters, the time included. */
const MAX_LINE_LENGTH = 1_024;

export class KeptLog {
  readonly #startedAt: number;
  readonly #clockAtStart: number;
  #lines: string[] = [];
  #dropped = 0;

  /**
   * The times of the lines count from the beginning of the attempt.
   * @param startedAt when it began, epoch ms of Redis
   * @param clockAtStart when it began, by `performance.now()` of this thread
   */
  constructor(startedAt: number, clockAtStart: number) {
    this.#startedAt = startedAt;
    this.#clockAtStart = clockAtStart;
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

  /**
   * Takes over the log of the thread that ran the attempt, whose last lines may not have arrived here.
   * @param lines as {@link lines}
   * @param count how many lines the attempt had
   */
  replace(lines: readonly string[], count: number): void {
    const dropped = Math.max(0, count - MAX_LINES);
    this.#lines = lines.slice(dropped === 0 ? 0 : 1); // without the line about those that were dropped
    this.#dropped = dropped;
  }

  /** How many lines the attempt has had. */
  get count(): number {
    return this.#dropped + this.#lines.length;
  }

  /** The kept lines from this one on, counted from 1; `first` is greater if that line was dropped. */
  from(number: number): { readonly first: number; readonly lines: readonly string[] } {
    const first = Math.max(number, this.#dropped + 1);
    return { first, lines: this.#lines.slice(first - this.#dropped - 1) };
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
