/**
 * A second implementation of cron expressions on a zone's clock, which shares no code with the first: it looks at each
 * minute of a range and asks Intl what the clock shows. It knows only numbers, `*`, steps and lists.
 */

/** What a clock shows at a minute. */
interface Shown {
  readonly at: number;
  /** As a number that orders local times: 202603290230. */
  readonly key: number;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

const MINUTE_MS = 60_000;

/** @param from, to whole minutes, epoch ms */
export function clockOf(timeZone: string, from: number, to: number): readonly Shown[] {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  const shown: Shown[] = [];
  for (let at = from; at <= to; at += MINUTE_MS) {
    const text = format.format(at); // Sun, 29/03/2026, 02:30
    const [day = 0, month = 0, year = 0, hour = 0, minute = 0] = (text.match(/\d+/g) ?? []).map(Number);
    const weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].indexOf(text.slice(0, 3));
    const key = (((year * 100 + month) * 100 + day) * 100 + hour) * 100 + minute;
    shown.push({ at, key, minute, hour, day, month, weekday });
  }
  return shown;
}

function matches(field: string, value: number): boolean {
  return field.split(",").some((item) => {
    const [range = "", step = "1"] = item.split("/");
    return range === "*" ? value % Number(step) === 0 : Number(range) === value;
  });
}

/** The ticks of an expression with fixed times, in which day of month and day of week are not both given. */
export function fixedTicks(cron: string, clock: readonly Shown[]): number[] {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  const ticks: number[] = [];
  let latest = clock[0]?.key ?? 0;
  let previous = clock[0];
  for (const shown of clock.slice(1)) {
    if (shown.key > latest) {
      // every local minute after the latest one, up to this one: more than one where the clock skips some
      const isDue = localMinutes(previous ?? shown, latest, shown).some(
        (local) =>
          matches(minute, local.minute) &&
          matches(hour, local.hour) &&
          matches(month, local.month) &&
          (day === "*" || matches(day, local.day)) &&
          (weekday === "*" || matches(weekday, local.weekday)),
      );
      if (isDue) ticks.push(shown.at);
      latest = shown.key;
    }
    previous = shown;
  }
  return ticks;
}

/** The local minutes after `latest` up to what is shown, by a calendar without zones. */
function localMinutes(previous: Shown, latest: number, shown: Shown): readonly Omit<Shown, "at" | "key">[] {
  const end = utcOf(shown.key);
  const minutes: Omit<Shown, "at" | "key">[] = [];
  for (let at = Math.max(utcOf(latest), utcOf(previous.key)) + MINUTE_MS; at <= end; at += MINUTE_MS) {
    const date = new Date(at);
    minutes.push({
      minute: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      day: date.getUTCDate(),
      month: date.getUTCMonth() + 1,
      weekday: date.getUTCDay(),
    });
  }
  return minutes;
}

function utcOf(key: number): number {
  const [, year, month, day, hour, minute] = /^(\d+)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(String(key)) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
}

/** The minutes at which an interval expression matches what the clock shows. */
export function shownTicks(cron: string, clock: readonly Shown[]): number[] {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.split(" ");
  return clock
    .slice(1)
    .filter(
      (shown) =>
        matches(minute, shown.minute) &&
        matches(hour, shown.hour) &&
        matches(month, shown.month) &&
        (day === "*" || matches(day, shown.day)) &&
        (weekday === "*" || matches(weekday, shown.weekday)),
    )
    .map(({ at }) => at);
}

/** The offset of a zone at an instant, as a text. */
export function offsetText(timeZone: string): (at: number) => string {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset", hour: "numeric" });
  return (at) => format.format(at).replace(/^.*GMT/, "");
}

/** The instants in a range at which the offset of a zone changes. */
export function clockChanges(timeZone: string, from: number, to: number): number[] {
  const offsetAt = offsetText(timeZone);
  const changes: number[] = [];
  const stepMs = 7 * 24 * 60 * MINUTE_MS;
  for (let at = from; at < to; at += stepMs) {
    const before = offsetAt(at);
    if (offsetAt(at + stepMs) === before) continue;
    let [same, other] = [at, at + stepMs];
    while (other - same > MINUTE_MS) {
      const middle = Math.floor((same + other) / 2 / MINUTE_MS) * MINUTE_MS;
      if (offsetAt(middle) === before) same = middle;
      else other = middle;
    }
    changes.push(other);
  }
  return changes;
}
