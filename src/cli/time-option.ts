/** Parses and formats the times and durations of the command line. */
import { InvalidArgumentError } from "commander";
import { DURATION_SUFFIXES, parseDuration } from "../config/duration.ts";
import { parseTime } from "../core/rfc3339.ts";

/** @returns the milliseconds of `90s`, `1h30m`, `7d` or `250ms` @throws InvalidArgumentError for anything else */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("Expected a duration, such as 90s, 15m, 1h30m or 7d.");
  return ms;
}

/** @returns the given RFC 3339 time, or the time that is the given duration ago @throws InvalidArgumentError */
export function pastOption(text: string, now: number): string {
  const time = parseTime(text);
  if (time !== undefined) return new Date(time).toISOString();
  const ago = parseDuration(text);
  if (ago === undefined)
    throw new InvalidArgumentError("Expected how long ago, such as 2h or 7d, or a time, such as 2026-01-31T08:00:00Z.");
  return new Date(Math.max(0, now - ago)).toISOString();
}

/** The two largest units that are not 0: `85 ms`, `1.2 s`, `3 m 20 s`, `2 d 4 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  let rest = Math.round(ms / 1_000) * 1_000;
  const parts = DURATION_SUFFIXES.flatMap(([unit, size]) => {
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
