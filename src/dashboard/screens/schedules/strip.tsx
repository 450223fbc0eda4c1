/** The ticks of the last 24 hours: one mark for each half hour, by the worst outcome in it. */
import type { JSX } from "preact";
import { clockText } from "../../parts/time.tsx";
import type { Cell, Outcome } from "./strip-cells.ts";
import { CELL_MS, countsText, totalOf } from "./strip-cells.ts";

const STEP = 3;
const HEIGHT = 20;
/** Worse marks differ by their place, too: a tick that did not fire hangs from the top. */
const SHAPES: Readonly<Record<Outcome, readonly [y: number, height: number]>> = {
  fired: [4, 16],
  late: [10, 10],
  skipped: [0, 8],
  missed: [0, 14],
};

export function Strip({ cells }: { readonly cells: readonly Cell[] }): JSX.Element {
  const label = `Last 24 hours: ${countsText(totalOf(cells))}`;
  const width = cells.length * STEP;
  return (
    <svg class="strip" viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} role="img" aria-label={label}>
      {cells.map(({ from, worst, counts }, at) => {
        const [y, height] = worst === undefined ? [HEIGHT - 1, 1] : SHAPES[worst];
        return (
          <rect key={from} class={worst ?? "none"} x={at * STEP} y={y} width={STEP - 1} height={height}>
            <title>{`${clockText(from).slice(0, 5)} to ${clockText(from + CELL_MS).slice(0, 5)}: ${countsText(counts)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
