/**
 * Log lines as events. The numbers of the lines tell each stream which ones it has, so it writes no line twice; lines
 * that were lost, or logged faster than they are sent, become one line that counts them.
 */
import { formatTime } from "../../core/rfc3339.ts";
import type { LogLines } from "../../queue/log-channel.ts";

/** A line begins with its time, as `Date.toISOString` writes it, and a space. */
const TIME_LENGTH = 24;

/** Lines of one attempt. The text of each event is made once for all streams. */
export class LineEvents {
  /** Identifies the attempt: its lines are numbered together. */
  readonly run: string;
  /** The number of the first line. */
  readonly first: number;
  readonly #lines: LogLines;
  readonly #texts: (string | undefined)[] = [];

  constructor(lines: LogLines) {
    this.run = LineEvents.runOf(lines.worker, lines.startedAt);
    this.first = lines.first;
    this.#lines = lines;
  }

  /** @param startedAt of the attempt, epoch ms */
  static runOf(worker: string, startedAt: number): string {
    return `${worker} ${startedAt}`;
  }

  /** The number after the last line. */
  get end(): number {
    return this.first + this.#lines.lines.length;
  }

  /** The event of the line with this number. */
  textOf(number: number): string {
    const index = number - this.first;
    const line = this.#lines.lines[index] ?? "";
    return (this.#texts[index] ??= this.#event(number, line.slice(0, TIME_LENGTH), line.slice(TIME_LENGTH + 1)));
  }

  /** The event in place of so many lines before the first. */
  leftOutText(count: number): string {
    const at = this.#lines.lines[0]?.slice(0, TIME_LENGTH) ?? "";
    return this.#event(this.first - 1, at, `… ${count} ${count === 1 ? "line was" : "lines were"} left out`);
  }

  #event(number: number, at: string, line: string): string {
    const { id, attempt, startedAt } = this.#lines;
    const started_at = formatTime(startedAt);
    return `event: log\ndata: ${JSON.stringify({ id, attempt, started_at, number, at, line })}\n\n`;
  }
}

/** Which lines a stream has written. */
export class LinePosition {
  #run = "";
  #next = 1;

  /** The number of the next line of an attempt, from 1. */
  nextOf(run: string): number {
    return run === this.#run ? this.#next : 1;
  }

  /** The events of the lines that the stream does not have, which has them from then on. */
  textOf(lines: LineEvents): string {
    let next = this.nextOf(lines.run);
    let text = "";
    if (lines.first > next) {
      text += lines.leftOutText(lines.first - next);
      next = lines.first;
    }
    for (; next < lines.end; next += 1) text += lines.textOf(next);
    this.#run = lines.run;
    this.#next = next;
    return text;
  }
}
