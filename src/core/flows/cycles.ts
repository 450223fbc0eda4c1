/** Which nodes come before which, in a graph that may have cycles. */
import { at } from "../at.ts";

/** For each node, the indexes of those that it comes after directly. */
export type Edges = readonly (readonly number[])[];

/** Callers read no more. */
const MAX_CYCLES = 50;

/**
 * Cycles of a graph: without one edge of each, it has none, unless there are more than 50. Each is a list of nodes, of
 * which each comes after the next, and the last after the first.
 */
export function cyclesOf(edges: Edges): number[][] {
  const left = edges.map((targets) => [...targets]);
  const cycles: number[][] = [];
  for (let isChanged = true; isChanged && cycles.length < MAX_CYCLES; ) {
    isChanged = false;
    for (const component of componentsOf(left)) {
      const cycle = shortestCycle(Math.min(...component), new Set(component), left);
      if (cycle === undefined) continue;
      isChanged = true;
      cycles.push(cycle);
      const last = at(cycle, cycle.length - 1);
      left[last] = at(left, last).filter((target) => target !== cycle[0]);
      if (cycles.length === MAX_CYCLES) break;
    }
  }
  return cycles;
}

/** The shortest cycle through a node, within a component. */
function shortestCycle(start: number, component: ReadonlySet<number>, edges: Edges): number[] | undefined {
  const previous = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const target of at(edges, node)) {
      if (target === start) return pathTo(node, previous);
      if (!component.has(target) || previous.has(target)) continue;
      previous.set(target, node);
      queue.push(target);
    }
  }
  return undefined;
}

function pathTo(end: number, previous: ReadonlyMap<number, number>): number[] {
  const path: number[] = [];
  for (let node: number | undefined = end; node !== undefined; node = previous.get(node)) path.push(node);
  return path.reverse();
}

/** Whether a node comes after another, directly or through others. */
export type ComesAfter = (node: number, earlier: number) => boolean;

/** Bits of one number of a set. */
const BITS = 32;

export function comesAfter(edges: Edges): ComesAfter {
  const words = Math.ceil(edges.length / BITS);
  const ancestors = edges.map(() => new Uint32Array(0));
  for (const component of componentsOf(edges)) {
    const all = new Uint32Array(words);
    for (const node of component) {
      for (const target of at(edges, node)) {
        all[target >>> 5] = (all[target >>> 5] ?? 0) | (1 << (target & 31));
        at(ancestors, target).forEach((bits, word) => {
          all[word] = (all[word] ?? 0) | bits;
        });
      }
    }
    for (const node of component) ancestors[node] = all;
  }
  return (node, earlier) => ((at(ancestors, node)[earlier >>> 5] ?? 0) & (1 << (earlier & 31))) !== 0;
}

/** A node on the path of the depth-first search, and how many of its edges were followed. */
interface Step {
  readonly node: number;
  followed: number;
}

/**
 * The strongly connected components (Tarjan's algorithm, without recursion), each after those that its nodes come
 * after.
 */
function componentsOf(edges: Edges): number[][] {
  /** For each visited node: when it was visited, and the earliest visited node that it reaches. */
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const open = new Set<number>();
  const components: number[][] = [];
  const path: Step[] = [];
  const enter = (node: number): void => {
    low.set(node, order.size);
    order.set(node, order.size);
    open.add(node);
    path.push({ node, followed: 0 });
  };
  const lower = (node: number, value = 0): void => {
    low.set(node, Math.min(low.get(node) ?? 0, value));
  };
  const leave = ({ node }: Step): void => {
    path.pop();
    const parent = path.at(-1);
    if (parent) lower(parent.node, low.get(node));
    if (low.get(node) === order.get(node)) components.push(closed(open, node));
  };
  for (const root of edges.keys()) {
    if (!order.has(root)) enter(root);
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const target = at(edges, step.node)[step.followed];
      step.followed += 1;
      if (target === undefined) leave(step);
      else if (!order.has(target)) enter(target);
      else if (open.has(target)) lower(step.node, order.get(target));
    }
  }
  return components;
}

/** Removes a node, and those entered after it, from the open nodes. */
function closed(open: Set<number>, node: number): number[] {
  const nodes = [...open];
  const component = nodes.slice(nodes.lastIndexOf(node));
  for (const member of component) open.delete(member);
  return component;
}
