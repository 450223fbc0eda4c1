/** The layout of the graph library, with few crossings. The bundler puts the library into a separate chunk. */
import type { EdgeLabel, GraphLabel, NodeLabel } from "@dagrejs/dagre";
import { Graph, layout } from "@dagrejs/dagre";
import type { Direction, Layout } from "./layered-layout.ts";
import { LAYER_GAP, MARGIN, NODE_GAP, NODE_HEIGHT, NODE_WIDTH, pathOf } from "./layered-layout.ts";
import type { Edge } from "./node-order.ts";

/** @param count of the nodes @param edges those that are drawn */
export function dagreLayout(count: number, edges: readonly Edge[], direction: Direction): Layout {
  const graph = new Graph<GraphLabel, NodeLabel, EdgeLabel>();
  graph.setGraph({
    rankdir: direction === "right" ? "LR" : "TB",
    nodesep: NODE_GAP,
    ranksep: LAYER_GAP,
    edgesep: NODE_GAP / 2,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  for (let index = 0; index < count; index += 1)
    graph.setNode(String(index), { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { from, to } of edges) graph.setEdge(String(from), String(to), {});
  layout(graph);
  const places = Array.from({ length: count }, (_, index) => {
    const { x = 0, y = 0 } = graph.node(String(index));
    return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  });
  const { width = 0, height = 0 } = graph.graph();
  const drawn = edges.map((edge) => {
    const { points = [] } = graph.edge(String(edge.from), String(edge.to));
    // the first and the last point are on the borders of the nodes
    return { ...edge, path: pathOf(places, edge, direction, points.slice(1, -1)) };
  });
  return { places, edges: drawn, width, height };
}
