/** The layout of the graph library, with few crossings. The bundler puts the library into a separate chunk. */
import * as dagre from "@dagrejs/dagre";
import type { Direction, Layout, Point } from "./layered-layout.ts";
import { LAYER_GAP, MARGIN, NODE_GAP, NODE_HEIGHT, NODE_WIDTH, pathOf } from "./layered-layout.ts";
import type { Edge } from "./node-order.ts";

/** What is used of the library: its own declarations import files by names that TypeScript does not resolve. */
interface Library {
  readonly Graph: new () => Graph;
  /** Sets the places of the nodes, the points of the edges, and the size of the graph. */
  readonly layout: (graph: Graph) => void;
}

interface Graph {
  setGraph(label: object): void;
  setNode(name: string, label: { readonly width: number; readonly height: number }): void;
  setEdge(from: string, to: string, label: object): void;
  graph(): { readonly width: number; readonly height: number };
  /** The middle of a node. */
  node(name: string): Point;
  edge(from: string, to: string): { readonly points: readonly Point[] };
}

const { Graph, layout } = dagre as unknown as Library;

/** @param count of the nodes @param edges those that are drawn */
export function dagreLayout(count: number, edges: readonly Edge[], direction: Direction): Layout {
  const graph = new Graph();
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
    const { x, y } = graph.node(String(index));
    return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  });
  const drawn = edges.map((edge) => {
    const { points } = graph.edge(String(edge.from), String(edge.to));
    // the first and the last point are on the borders of the nodes
    return { ...edge, path: pathOf(places, edge, direction, points.slice(1, -1)) };
  });
  const { width, height } = graph.graph();
  return { places, edges: drawn, width, height };
}
