/** Times: relative on screen, exact in the tooltip; one switch for all toggles local time and UTC. */
import { computed, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { readSetting, writeSetting } from "../data/browser-settings.ts";
import { relativeText } from "./format.ts";

export type Zone = "local" | "utc";

export const zone = signal<Zone>(readSetting("zone") === "utc" ? "utc" : "local");

export function setZone(next: Zone): void {
  zone.value = next;
  writeSetting("zone", next);
}

const TICK_MS = 1_000;
/** The current second, epoch ms. Relative times follow it. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, TICK_MS);

const pad = (value: number, length = 2): string => String(value).padStart(length, "0");

/** `2026-03-01 14:05:09.120 UTC`, or with the offset of the local time. */
export function exactTime(at: number): string {
  const date = new Date(at);
  if (zone.value === "utc") return `${date.toISOString().replace("T", " ").replace("Z", "")} UTC`;
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const offset = `${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
  return `${dayText(at)} ${clockText(at)}.${pad(date.getMilliseconds(), 3)} ${offset}`;
}

/** `2026-03-01` in the chosen zone. */
export function dayText(at: number): string {
  const date = new Date(at);
  if (zone.value === "utc") return date.toISOString().slice(0, 10);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** `14:05:09` in the chosen zone. */
export function clockText(at: number): string {
  const date = new Date(at);
  if (zone.value === "utc") return date.toISOString().slice(11, 19);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

interface TimeProps {
  /** RFC 3339, or epoch ms; null for none. */
  readonly at: string | number | null;
  /** `exact` shows the exact time, with the relative one in the tooltip. */
  readonly format?: "relative" | "exact";
}

export function Time({ at, format = "relative" }: TimeProps): JSX.Element {
  const ms = typeof at === "string" ? Date.parse(at) : (at ?? 0);
  // the text node follows the clock: a long table is not rendered again every second
  const relative = useMemo(() => computed(() => relativeText(ms, now.value)), [ms]);
  if (at === null) return <span class="muted">–</span>;
  const exact = exactTime(ms);
  const [shown, tooltip] = format === "relative" ? [relative, exact] : [exact, relative];
  return (
    <time dateTime={new Date(ms).toISOString()} title={tooltip}>
      {shown}
    </time>
  );
}
