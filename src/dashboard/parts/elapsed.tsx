/** A duration that grows while it lasts. */
import { computed } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { durationText } from "./format.ts";
import { now } from "./time.tsx";

interface ElapsedProps {
  /** Epoch ms; null where it has not begun. */
  readonly from: number | null;
  /** Epoch ms; null while it lasts. */
  readonly to: number | null;
}

export function Elapsed({ from, to }: ElapsedProps): JSX.Element {
  const text = useMemo(
    () =>
      computed(() => {
        if (from === null) return "–";
        // whole seconds while it grows: the clock of the page ticks once a second
        const growing = Math.max(0, Math.floor((now.value - from) / 1_000) * 1_000);
        return durationText(to === null ? growing : Math.max(0, to - from));
      }),
    [from, to],
  );
  return <span class={from === null ? "muted" : undefined}>{text}</span>;
}
