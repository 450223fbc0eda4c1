/** The jobs of a batch or a flow by status: a bar, with the counts for screen readers. */
import type { JSX } from "preact";
import type { FlowCounts } from "../../../client/taskflow.ts";
import { COUNTED, countsText, totalOf } from "./flow-nodes.ts";

/** The least share of a part: one failed job of a million is seen, too. */
const LEAST = 0.02;

export function CountsBar({ counts }: { readonly counts: FlowCounts }): JSX.Element {
  const text = countsText(counts);
  const parts = COUNTED.filter((key) => counts[key] > 0);
  const total = totalOf(counts);
  return (
    <span class="counts-bar" role="img" aria-label={text === "" ? "no jobs" : text} title={text}>
      {parts.map((key) => (
        <span
          key={key}
          class={`counts-part of-${key}`}
          style={{ flexGrow: String(Math.max(LEAST, counts[key] / total)) }}
        />
      ))}
    </span>
  );
}
