/** The next ticks of a schedule, in its own zone, with the notes about clock changes. */
import type { JSX } from "preact";
import { Time } from "../../parts/time.tsx";
import type { Preview } from "./use-preview.ts";

export function TickList({ preview: { ticks, isOld, failure } }: { readonly preview: Preview }): JSX.Element {
  if (!ticks)
    return (
      <div class="empty tick-list">{failure ?? (isOld ? "The ticks appear when the definition is valid." : "")}</div>
    );
  if (ticks.length === 0) return <div class="empty tick-list">It has no ticks after now.</div>;
  return (
    // the list may scroll, so the keyboard must reach it
    <div class={isOld ? "tick-list is-old" : "tick-list"} tabIndex={0} role="region" aria-label="The next ticks">
      {isOld ? <p role="status">Of the last valid definition:</p> : null}
      <ol>
        {ticks.map(({ at, local, note }) => (
          <li key={at}>
            <span class="tick-local">{localText(local)}</span>
            <span class="muted">
              <Time at={at} />
            </span>
            {note === null ? null : <span class="tick-note">{note}</span>}
          </li>
        ))}
      </ol>
    </div>
  );
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `Mon 2026-03-02 03:00:00 +01:00`, of `2026-03-02T03:00:00+01:00`. */
function localText(local: string): string {
  const [, day = "", time = "", offset = ""] = /^(\d{4}-\d\d-\d\d)T([\d:]+)(?:\.\d+)?(.*)$/.exec(local) ?? [];
  if (day === "") return local;
  return `${WEEKDAYS[new Date(`${day}T00:00:00Z`).getUTCDay()] ?? ""} ${day} ${time} ${offset === "Z" || offset === "+00:00" ? "UTC" : offset}`;
}
