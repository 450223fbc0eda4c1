/** Numbers, durations and sizes as text. */

const COUNT = new Intl.NumberFormat("en-US");
const DAY_MS = 86_400_000;

/** `12,340` */
export function countText(count: number): string {
  return COUNT.format(count);
}

/** At most four characters and a letter, for axes and narrow tiles: `950`, `12.3k`, `1.2M`. */
export function shortCount(count: number): string {
  const size = Math.abs(count);
  if (size < 1_000) return Number.isInteger(count) ? String(count) : count.toFixed(1);
  const [unit, letter] = size < 1_000_000 ? [1_000, "k"] : size < 1_000_000_000 ? [1_000_000, "M"] : [1e9, "G"];
  const scaled = count / unit;
  return `${Math.abs(scaled) < 100 ? scaled.toFixed(1).replace(/\.0$/, "") : Math.round(scaled)}${letter}`;
}

/** `840 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; `–` for null. */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0).replace(/\.0$/, "")} s`;
  if (ms < 3_600_000) return two(ms, 60_000, "min", 1_000, "s");
  if (ms < DAY_MS) return two(ms, 3_600_000, "h", 60_000, "min");
  return two(ms, DAY_MS, "d", 3_600_000, "h");
}

function two(ms: number, unitMs: number, unit: string, smallMs: number, small: string): string {
  const whole = Math.floor(ms / unitMs);
  const rest = Math.floor((ms % unitMs) / smallMs);
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${small}`;
}

/** `512 B`, `1.2 KB`, `3.4 MB`, of 1,000 bytes each. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  for (const [unit, size] of [
    ["KB", 1e3],
    ["MB", 1e6],
    ["GB", 1e9],
  ] as const)
    if (bytes < size * 1_000) return `${(bytes / size).toFixed(1)} ${unit}`;
  return `${(bytes / 1e12).toFixed(1)} TB`;
}

/** `just now`, `40 s ago`, `in 3 min`, with one unit. */
export function relativeText(at: number, now: number): string {
  const ms = at - now;
  const size = Math.abs(ms);
  if (size < 2_000) return "just now";
  const [unitMs, unit] =
    size < 60_000
      ? [1_000, "s"]
      : size < 3_600_000
        ? [60_000, "min"]
        : size < DAY_MS
          ? [3_600_000, "h"]
          : [DAY_MS, "d"];
  const text = `${Math.floor(size / unitMs)} ${unit}`;
  return ms < 0 ? `${text} ago` : `in ${text}`;
}

/** `1 job`, `12,340 jobs` */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${countText(count)} ${count === 1 ? noun : plural}`;
}
