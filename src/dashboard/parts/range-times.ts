/**
 * Ranges of time as the URL has them: `range=6h` ends now and moves with the time; `from` and `to` (RFC 3339) are fixed.
 */
export interface RangeTimes {
  /** RFC 3339, inclusive; the start of a step. */
  readonly from: string;
  /** RFC 3339, exclusive; the end of a step. */
  readonly to: string;
  /** The step of series: at most 1,440 of them are in a range. */
  readonly step: Step;
}

export interface Range extends RangeTimes {
  /** Names the range in keys of resources. It stays the same while the range moves. */
  readonly key: string;
  /** `6h`; undefined for a fixed range. */
  readonly preset: Preset | undefined;
  /** Words of a filter text: the jobs that finished in the range. */
  readonly finished: string;
}

export type Step = "minute" | "hour" | "day";

export const STEP_MS: Readonly<Record<Step, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

const PRESET_MS = { "1h": 3_600_000, "6h": 21_600_000, "24h": 86_400_000, "7d": 604_800_000 } as const;
export type Preset = keyof typeof PRESET_MS;
export const PRESETS = Object.keys(PRESET_MS) as readonly Preset[];

const LONGEST_IN_MS: readonly (readonly [step: Step, ms: number])[] = [
  ["minute", 12 * STEP_MS.hour],
  ["hour", 60 * STEP_MS.day],
];
/** The server keeps minutes for 30 days; the last of them may be deleted already. */
const MINUTES_KEPT_MS = 29 * STEP_MS.day;
const MAX_RANGE_MS = 1_400 * STEP_MS.day;
/** The times that RFC 3339 can write. */
const [EARLIEST, LATEST] = [0, Date.parse("9999-12-30T00:00:00Z")];

/**
 * @param query of the URL; what is not a range in it counts as none
 * @param now epoch ms
 */
export function rangeOf(query: URLSearchParams, now: number, otherwise: Preset = "1h"): Range {
  const fixed = fixedRange(query.get("from"), query.get("to"), now);
  if (fixed) return fixed;
  const preset = PRESETS.find((name) => name === query.get("range")) ?? otherwise;
  return { key: preset, preset, finished: `finished-since:${preset}`, ...movingTimes(preset, now) };
}

/** The times of a range that ends with the current step. */
export function movingTimes(preset: Preset, now: number): RangeTimes {
  const step = stepOf(PRESET_MS[preset]);
  const to = Math.floor(now / STEP_MS[step]) * STEP_MS[step] + STEP_MS[step];
  return timesOf(to - PRESET_MS[preset], to, step);
}

/** The parameters of the URL for a fixed range in whole minutes, at least one. A range that is too long loses its start. */
export function queryOfRange(from: number, to: number): { readonly from: string; readonly to: string } {
  const start = Math.floor(Math.min(clamped(from), LATEST - STEP_MS.minute) / STEP_MS.minute) * STEP_MS.minute;
  const end = Math.max(start + STEP_MS.minute, Math.ceil(clamped(to) / STEP_MS.minute) * STEP_MS.minute);
  return { from: timeText(Math.max(start, end - MAX_RANGE_MS)), to: timeText(end) };
}

function fixedRange(from: string | null, to: string | null, now: number): Range | undefined {
  const [start, end] = [timeOf(from), timeOf(to)];
  if (start === undefined || end === undefined || start >= end || end - start > MAX_RANGE_MS) return undefined;
  const step = now - start > MINUTES_KEPT_MS && stepOf(end - start) === "minute" ? "hour" : stepOf(end - start);
  const ms = STEP_MS[step];
  const times = timesOf(Math.floor(start / ms) * ms, Math.ceil(end / ms) * ms, step);
  return {
    key: `${times.from}/${times.to}`,
    preset: undefined,
    finished: `finished-since:${times.from} finished-until:${times.to}`,
    ...times,
  };
}

function stepOf(ms: number): Step {
  return LONGEST_IN_MS.find(([, longest]) => ms <= longest)?.[0] ?? "day";
}

function timesOf(from: number, to: number, step: Step): RangeTimes {
  return { from: timeText(from), to: timeText(to), step };
}

function timeOf(text: string | null): number | undefined {
  const time = text !== null && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return time >= EARLIEST && time <= LATEST ? time : undefined;
}

function clamped(time: number): number {
  return Math.min(LATEST, Math.max(EARLIEST, time));
}

/** Without milliseconds, which are zero at the bounds of steps. */
function timeText(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}
