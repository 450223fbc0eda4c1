/** Which edges of a flow are drawn, and where: by the graph library, or simpler if the flow is large. */
import type { Direction, Layout } from "./layered-layout.ts";
import { layeredLayout } from "./layered-layout.ts";
import type { Before, Edge } from "./node-order.ts";
import { edgesOf, layersOf, reducedEdges } from "./node-order.ts";

/** With more edges than this, those that follow from others are left out. */
const MOST_EDGES = 2_000;
/** A browser draws so many lines without delay. */
const MOST_DRAWN = 4_000;
/** The graph library takes some 200 ms for so many nodes and bends of edges; its time grows with their square. */
const MOST_FOR_LIBRARY = 250;

export interface Drawing extends Layout {
  readonly isSimple: boolean;
  /** Edges that follow from others were left out. */
  readonly isReduced: boolean;
  /** There are so many edges that none is drawn, except those of the node that the user looks at. */
  readonly hasNoEdges: boolean;
}

export async function drawingOf(before: Before, direction: Direction): Promise<Drawing> {
  const all = edgesOf(before);
  const isReduced = all.length > MOST_EDGES;
  const edges = isReduced ? reducedEdges(before) : all;
  const hasNoEdges = edges.length > MOST_DRAWN;
  const isSimple = hasNoEdges || sizeFor(before, edges) > MOST_FOR_LIBRARY;
  const drawn = hasNoEdges ? [] : edges;
  const layout = isSimple
    ? layeredLayout(before, drawn, direction)
    : (await import("./dagre-layout.ts")).dagreLayout(before.length, drawn, direction);
  return { ...layout, isSimple, isReduced, hasNoEdges };
}

/** The nodes, and the layers that edges cross. */
function sizeFor(before: Before, edges: readonly Edge[]): number {
  const layers = layersOf(before);
  const crossed = edges.reduce((sum, { from, to }) => sum + (layers[to] ?? 0) - (layers[from] ?? 0), 0);
  return before.length + crossed;
}
