/** What the lines of the graph mean. */
import type { JSX } from "preact";
import type { NamedNode } from "./flow-nodes.ts";
import type { Drawing } from "./graph-layout.ts";

const LINES = [
  ["succeeded", "after it completed"],
  ["failed", "if it failed"],
  ["ended", "when it ended, however"],
  ["first_failure", "at its first failure"],
] as const;

interface GraphLegendProps {
  readonly nodes: readonly NamedNode[];
  readonly drawing: Drawing | undefined;
}

export function GraphLegend({ nodes, drawing }: GraphLegendProps): JSX.Element | null {
  const whens = new Set(nodes.flatMap(({ when, after }) => (after.length > 0 ? [when] : [])));
  const isNoted = drawing !== undefined && (drawing.hasNoEdges || drawing.isReduced);
  if (whens.size < 2 && !isNoted) return null;
  return (
    <div class="graph-legend muted">
      {whens.size < 2
        ? null
        : LINES.filter(([when]) => whens.has(when)).map(([when, text]) => (
            <span key={when}>
              <svg width="28" height="8" aria-hidden="true">
                <path class={`edge when-${when}`} d="M0 4H28" />
              </svg>{" "}
              {text}
            </span>
          ))}
      {drawing?.hasNoEdges ? (
        <span>There are too many lines to draw: point at a node to see its own.</span>
      ) : drawing?.isReduced ? (
        <span>Lines that follow from others are left out; the list has all of them.</span>
      ) : null}
    </div>
  );
}
