/** Times and durations as people type them, and as they read them. */
import { InvalidArgumentError } from "commander";
import { parseTime } from "../core/rfc3339.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;
const DURATION = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** @returns milliseconds of `90s`, `1h30m`, `7d` or `250ms` @throws InvalidArgumentError for anything else */
export function parseDuration(text: string): number {
  const parts = DURATION.exec(text)?.slice(1);
  if (!parts || text === "") throw new InvalidArgumentError("Expected a duration, such as 90s, 15m, 1h30m or 7d.");
  return parts.reduce((total, part: string | undefined, i) => total + Number(part ?? 0) * (UNITS[i]?.[1] ?? 0), 0);
}

/** @returns an RFC 3339 time: the one given, or as long ago as the duration says @throws InvalidArgumentError */
export function parsePast(text: string, now: number): string {
  const time = parseTime(text);
  if (time !== undefined) return new Date(time).toISOString();
  if (!DURATION.test(text) || text === "")
    throw new InvalidArgumentError("Expected how long ago, such as 2h or 7d, or a time, such as 2026-01-31T08:00:00Z.");
  return new Date(Math.max(0, now - parseDuration(text))).toISOString();
}

/** The two largest units that say something: `85 ms`, `1.2 s`, `3 m 20 s`, `2 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  let rest = Math.round(ms / 1_000) * 1_000;
  const parts = UNITS.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  return parts.slice(0, 2).join(" ");
}

/** To the second, in UTC. */
export function timeText(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
