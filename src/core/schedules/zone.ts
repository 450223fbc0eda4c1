/**
 * The clock of a time zone: its offset from UTC at an instant, and the instant of a local time. A local time is a number
 * here, like an instant: the milliseconds since 1970-01-01T00:00 on the zone's clock. Intl computes an offset in 5 µs, so
 * the spans of equal offset are kept.
 */
import { at } from "../at.ts";
import { DAY_MS, HOUR_MS } from "../time.ts";

/** A span of instants in which the offset does not change. Often it does not change at its start or end either. */
export interface Span {
  /** The first instant, epoch ms. */
  readonly start: number;
  /** The instant after the last. */
  readonly end: number;
  /** Local time minus UTC, in ms. */
  readonly offset: number;
}

/** The first instant of the year 1, and of the year 10000. */
const EARLIEST = -62_135_596_800_000;
const LATEST = 253_402_300_800_000;
/** No clock is further from UTC, with a margin. */
const MAX_OFFSET_MS = 26 * HOUR_MS;
/** Spans are found in parts of this length. */
const PART_MS = 64 * DAY_MS;
/** A change and its reversal are weeks apart everywhere. */
const PROBE_MS = 4 * DAY_MS;
/** Parts that a zone keeps: 40 years. */
const MAX_PARTS = 240;
/** About as many names as Intl knows. */
const MAX_ZONES = 700;

export class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #parts = new Map<number, readonly Span[]>();

  /** @throws RangeError for an unknown name */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** The span that contains an instant of the years 1 to 9999; of an earlier or later one, the first or last span. */
  spanAt(instant: number): Span {
    const clamped = Math.min(Math.max(instant, EARLIEST), LATEST - 1);
    const number = Math.floor(clamped / PART_MS);
    const spans = this.#parts.get(number) ?? this.#newPart(number);
    return spans.find(({ end }) => clamped < end) ?? at(spans, spans.length - 1);
  }

  /** The first instant at which the clock shows a local time, or the first one after it if the clock skips it. */
  instantOf(local: number): number {
    let span = this.spanAt(local - MAX_OFFSET_MS);
    while (span.end + span.offset <= local && span.end < LATEST) span = this.spanAt(span.end);
    return Math.max(span.start, local - span.offset);
  }

  /** The local time of an instant. */
  localOf(instant: number): number {
    return instant + this.spanAt(instant).offset;
  }

  /** The span before another one. */
  before({ start }: Span): Span {
    return this.spanAt(start - 1);
  }

  #newPart(number: number): readonly Span[] {
    if (this.#parts.size >= MAX_PARTS) this.#parts.clear();
    const spans = this.#spansOf(number * PART_MS);
    this.#parts.set(number, spans);
    return spans;
  }

  #spansOf(start: number): readonly Span[] {
    const spans: Span[] = [];
    let from = start;
    let offset = this.#offsetAt(start);
    for (let probe = start; probe < start + PART_MS; probe += PROBE_MS) {
      const next = this.#offsetAt(probe + PROBE_MS - 1_000);
      if (next === offset) continue;
      const change = this.#changeIn(Math.max(start, probe - 1_000), probe + PROBE_MS - 1_000, offset);
      spans.push({ start: from, end: change, offset });
      [from, offset] = [change, next];
    }
    spans.push({ start: from, end: start + PART_MS, offset });
    return spans;
  }

  /** The first instant with another offset; they change at whole seconds. */
  #changeIn(from: number, to: number, offset: number): number {
    let [same, other] = [from, to];
    while (other - same > 1_000) {
      const middle = Math.floor((same + other) / 2_000) * 1_000;
      if (this.#offsetAt(middle) === offset) same = middle;
      else other = middle;
    }
    return other;
  }

  #offsetAt(instant: number): number {
    const clamped = Math.min(Math.max(instant, EARLIEST + MAX_OFFSET_MS), LATEST - MAX_OFFSET_MS);
    const numbers = this.#format.format(clamped).match(/\d+/g)?.map(Number) ?? [];
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = numbers;
    const local = new Date(0);
    local.setUTCFullYear(year, month - 1, day); // Date.UTC takes the year 50 for 1950
    return local.setUTCHours(hour, minute, second) - clamped;
  }
}

const zones = new Map<string, Zone>();

/** @throws RangeError for an unknown name; {@link isZoneName} tells */
export function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  if (zones.size >= MAX_ZONES) zones.clear();
  const zone = new Zone(name);
  zones.set(name, zone);
  return zone;
}

/** Whether a text is the IANA name of a time zone; `+01:00` is none. */
export function isZoneName(name: string): boolean {
  if (!/^[a-z][a-z0-9_+/-]{0,63}$/i.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false; // RangeError: no such zone
  }
}
