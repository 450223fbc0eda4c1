import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { NumberCells, NumberHeads } from "./number-cells.tsx";
import { clockText, dayText } from "./time.tsx";

interface ChartTableProps<Step> {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly heads: readonly string[];
  readonly children: (step: Step) => readonly ComponentChildren[];
}

/** The numbers of a chart, the newest first. Its rows exist while it is open. */
export function ChartTable<Step extends { readonly at: string }>({
  title,
  steps,
  heads,
  children,
}: ChartTableProps<Step>): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="chart-table" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Show as a table</summary>
      {isOpen ? (
        <div class="table-scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <caption class="off-screen">{title}</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <NumberHeads heads={heads} />
              </tr>
            </thead>
            <tbody>
              {steps.toReversed().map((step) => (
                <tr key={step.at}>
                  <th scope="row">
                    {dayText(Date.parse(step.at))} {clockText(Date.parse(step.at)).slice(0, 5)}
                  </th>
                  <NumberCells heads={heads} cells={children(step)} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}
