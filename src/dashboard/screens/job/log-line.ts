/** The lines of an attempt: each begins with the time at which it was logged. */

export interface TimedLine {
  /** Epoch ms; undefined if the line begins with no time. */
  readonly at: number | undefined;
  readonly text: string;
}

/** As `Date.toISOString` writes it, and a space. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) /;

export function timedLine(line: string): TimedLine {
  const [prefix, time = ""] = TIME.exec(line) ?? [];
  const at = Date.parse(time);
  return prefix === undefined || Number.isNaN(at)
    ? { at: undefined, text: line }
    : { at, text: line.slice(prefix.length) };
}

export function timeOf(line: string | undefined): number | undefined {
  return line === undefined ? undefined : timedLine(line).at;
}
