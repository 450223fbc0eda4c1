/** When a schedule has ticks, in words. */
import cronstrue from "cronstrue";

export interface TimingFields {
  readonly cron?: string | undefined;
  readonly every_ms?: number | undefined;
  readonly offset_ms?: number | undefined;
  readonly times?: readonly string[] | undefined;
}

/** `At 03:00, Monday through Friday`, `Every 15 minutes`, `3 instants`; undefined without a timing. */
export function timingText({
  cron,
  every_ms: everyMs,
  offset_ms: offsetMs = 0,
  times,
}: TimingFields): string | undefined {
  if (cron !== undefined) return cronText(cron);
  if (everyMs !== undefined)
    return offsetMs === 0 ? everyText(everyMs) : `${everyText(everyMs)}, shifted by ${parts(offsetMs)}`;
  if (times !== undefined) return times.length === 1 ? "1 instant" : `${times.length} instants`;
  return undefined;
}

/** An expression that has no words, such as one with `H`, is shown as it is. */
function cronText(cron: string): string {
  try {
    return cronstrue.toString(cron, { use24HourTimeFormat: true, throwExceptionOnParseError: true });
  } catch {
    return cron; // the server decides whether it is valid; cronstrue has no words for it
  }
}

const UNITS = [
  ["day", "d", 86_400_000],
  ["hour", "h", 3_600_000],
  ["minute", "min", 60_000],
  ["second", "s", 1_000],
  ["millisecond", "ms", 1],
] as const;

/** `Every minute`, `Every 15 minutes`, `Every 1 h 30 min` */
function everyText(ms: number): string {
  for (const [name, , unitMs] of UNITS) {
    if (ms % unitMs !== 0) continue;
    const count = ms / unitMs;
    if (count === 1) return `Every ${name}`;
    // 90 minutes are easier to read as 1 h 30 min
    if (count < 60 || unitMs === 86_400_000) return `Every ${count} ${name}s`;
    break;
  }
  return `Every ${parts(ms)}`;
}

/** `1 h 30 min`, without rounding. */
function parts(ms: number): string {
  let rest = ms;
  const texts: string[] = [];
  for (const [, short, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) texts.push(`${count} ${short}`);
    rest -= count * unitMs;
  }
  return texts.join(" ");
}
