/** Where the nodes of a flow are drawn. */
import type { Before, Edge } from "./node-order.ts";
import { layersOf } from "./node-order.ts";

/** Pixels, from the left and the top of the drawing. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

interface DrawnEdge extends Edge {
  /** The data of an SVG path. */
  readonly path: string;
}

export interface Layout {
  /** The left upper corner of each node. */
  readonly places: readonly Point[];
  readonly edges: readonly DrawnEdge[];
  readonly width: number;
  readonly height: number;
}

/** To the right on wide screens, else down. */
export type Direction = "right" | "down";

export const NODE_WIDTH = 188;
export const NODE_HEIGHT = 68;
export const MARGIN = 20;
/** Between the nodes of a layer, and between layers. */
export const NODE_GAP = 20;
export const LAYER_GAP = 52;

/** How often the nodes are moved towards their neighbours, forth and back. */
const SWEEPS = 4;

/**
 * A layout in layers whose time grows with the number of edges only, for flows that are too large for a better one.
 * @param edges those that are drawn
 */
export function layeredLayout(before: Before, edges: readonly Edge[], direction: Direction): Layout {
  const layers = layersOf(before);
  const rows = orderedLayers(layers, edges);
  const [along, across] = direction === "right" ? [NODE_WIDTH, NODE_HEIGHT] : [NODE_HEIGHT, NODE_WIDTH];
  const longest = Math.max(0, ...rows.map(({ length }) => length));
  const breadth = longest * (across + NODE_GAP) - NODE_GAP;
  const places: Point[] = before.map(() => ({ x: 0, y: 0 }));
  for (const [layer, row] of rows.entries()) {
    const start = MARGIN + (breadth - (row.length * (across + NODE_GAP) - NODE_GAP)) / 2;
    for (const [at, index] of row.entries()) {
      const [main, side] = [MARGIN + layer * (along + LAYER_GAP), start + at * (across + NODE_GAP)];
      places[index] = direction === "right" ? { x: main, y: side } : { x: side, y: main };
    }
  }
  const length = rows.length * (along + LAYER_GAP) - LAYER_GAP;
  const [width, height] = direction === "right" ? [length, breadth] : [breadth, length];
  return {
    places,
    edges: edges.map((edge) => ({ ...edge, path: pathOf(places, edge, direction) })),
    width: width + 2 * MARGIN,
    height: height + 2 * MARGIN,
  };
}

/** The nodes of each layer, near to the nodes that they are connected with. */
function orderedLayers(layers: readonly number[], edges: readonly Edge[]): number[][] {
  const rows: number[][] = [];
  for (const [index, layer] of layers.entries()) (rows[layer] ??= []).push(index);
  const before: number[][] = layers.map(() => []);
  const after: number[][] = layers.map(() => []);
  for (const { from, to } of edges) {
    before[to]?.push(from);
    after[from]?.push(to);
  }
  const positions = layers.map(() => 0);
  const number = (row: readonly number[]): void => {
    for (const [at, index] of row.entries()) positions[index] = row.length === 1 ? 0.5 : at / (row.length - 1);
  };
  rows.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const neighbours = sweep % 2 === 0 ? before : after;
    for (const row of sweep % 2 === 0 ? rows : [...rows].reverse()) {
      const wanted = new Map(row.map((index) => [index, meanOf(neighbours[index] ?? [], positions, index)]));
      row.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a - b);
      number(row);
    }
  }
  return rows;
}

function meanOf(neighbours: readonly number[], positions: readonly number[], index: number): number {
  if (neighbours.length === 0) return positions[index] ?? 0;
  return neighbours.reduce((sum, each) => sum + (positions[each] ?? 0), 0) / neighbours.length;
}

/**
 * The path of an edge, which leaves and enters nodes, and passes the points, in the direction of the drawing.
 * @param places the left upper corners of the nodes
 * @param points between the two nodes
 */
export function pathOf(
  places: readonly Point[],
  { from, to }: Edge,
  direction: Direction,
  points: readonly Point[] = [],
): string {
  const [start, end] = [places[from] ?? ORIGIN, places[to] ?? ORIGIN];
  const isRight = direction === "right";
  const out = isRight
    ? { x: start.x + NODE_WIDTH, y: start.y + NODE_HEIGHT / 2 }
    : { x: start.x + NODE_WIDTH / 2, y: start.y + NODE_HEIGHT };
  const into = isRight ? { x: end.x, y: end.y + NODE_HEIGHT / 2 } : { x: end.x + NODE_WIDTH / 2, y: end.y };
  let [path, last]: [string, Point] = [`M${textOf(out)}`, out];
  for (const point of [...points, into]) {
    const controls = isRight
      ? [
          { x: (last.x + point.x) / 2, y: last.y },
          { x: (last.x + point.x) / 2, y: point.y },
        ]
      : [
          { x: last.x, y: (last.y + point.y) / 2 },
          { x: point.x, y: (last.y + point.y) / 2 },
        ];
    path += `C${[...controls, point].map(textOf).join(" ")}`;
    last = point;
  }
  return path;
}

const ORIGIN: Point = { x: 0, y: 0 };

function textOf({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
}

/** The number of nodes in the largest layer, and the number of layers. */
export function extentOf(before: Before): { readonly layers: number; readonly breadth: number } {
  const counts: number[] = [];
  for (const layer of layersOf(before)) counts[layer] = (counts[layer] ?? 0) + 1;
  return { layers: counts.length, breadth: Math.max(0, ...counts) };
}
