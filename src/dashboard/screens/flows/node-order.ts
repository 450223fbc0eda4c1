/** The order of the nodes of a flow, as a graph of indexes. A server accepts no cycles. */

import type { NamedNode } from "./flow-nodes.ts";

/** For each node the indexes of the nodes that it comes after. */
export type Before = readonly (readonly number[])[];

/** @returns the names as indexes; names of no node are left out */
export function beforeOf(nodes: readonly Pick<NamedNode, "name" | "after" | "results_of">[]): Before {
  const indexes = new Map(nodes.map(({ name }, index) => [name, index]));
  return nodes.map(({ after, results_of: resultsOf }) =>
    [...after, ...(resultsOf === undefined ? [] : [resultsOf])].flatMap((name) => indexes.get(name) ?? []),
  );
}

/** For each node the indexes of the nodes that come directly after it. */
export function dependentsOf(before: Before): readonly (readonly number[])[] {
  const dependents: number[][] = before.map(() => []);
  for (const [index, predecessors] of before.entries())
    for (const predecessor of predecessors) dependents[predecessor]?.push(index);
  return dependents;
}

/** The indexes so that each node comes after all of its predecessors. Nodes of a cycle would be left out. */
export function orderOf(before: Before): readonly number[] {
  const dependents = dependentsOf(before);
  const missing = before.map(({ length }) => length);
  const order = [...missing.keys()].filter((index) => missing[index] === 0);
  for (const index of order) {
    for (const next of dependents[index] ?? []) {
      missing[next] = (missing[next] ?? 0) - 1;
      if (missing[next] === 0) order.push(next);
    }
  }
  return order;
}

/** The layer of each node: 0 for nodes that come after no other, else one more than the last of those it comes after. */
export function layersOf(before: Before): readonly number[] {
  const layers = before.map(() => 0);
  for (const index of orderOf(before))
    layers[index] = Math.max(-1, ...(before[index] ?? []).map((predecessor) => layers[predecessor] ?? 0)) + 1;
  return layers;
}

/** Sets of node indexes, 32 in each word: a flow of 1,000 nodes may have half a million edges. */
class NodeSet {
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil(count / 32));
  }

  add(index: number): void {
    this.#words[index >> 5] = (this.#words[index >> 5] ?? 0) | (1 << (index & 31));
  }

  addAll(other: NodeSet): void {
    for (let at = 0; at < this.#words.length; at += 1)
      this.#words[at] = (this.#words[at] ?? 0) | (other.#words[at] ?? 0);
  }

  has(index: number): boolean {
    return ((this.#words[index >> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }
}

interface Ancestors {
  /** All nodes that it comes after, directly or not. */
  readonly all: NodeSet;
  /** Those that come before one that it directly comes after. */
  readonly indirect: NodeSet;
}

/** By the index of the node. */
export function ancestorsOf(before: Before): readonly Ancestors[] {
  const ancestors = before.map(() => ({ all: new NodeSet(before.length), indirect: new NodeSet(before.length) }));
  for (const index of orderOf(before)) {
    const own = ancestors[index];
    for (const predecessor of before[index] ?? []) {
      const further = ancestors[predecessor];
      if (further) own?.indirect.addAll(further.all);
      own?.all.add(predecessor);
    }
    if (own) own.all.addAll(own.indirect);
  }
  return ancestors;
}

export interface Edge {
  readonly from: number;
  readonly to: number;
}

export function edgesOf(before: Before): Edge[] {
  return before.flatMap((predecessors, to) => [...new Set(predecessors)].map((from) => ({ from, to })));
}

/** The edges without those that follow from others: a → c where there are a → b and b → c. */
export function reducedEdges(before: Before): Edge[] {
  const ancestors = ancestorsOf(before);
  return edgesOf(before).filter(({ from, to }) => ancestors[to]?.indirect.has(from) !== true);
}

/** How many nodes these are together with all that come after them. */
export function withFollowers(nodes: readonly NamedNode[], names: ReadonlySet<string>): number {
  const before = beforeOf(nodes);
  const included = nodes.map(({ name }) => names.has(name));
  for (const index of orderOf(before))
    included[index] ||= (before[index] ?? []).some((predecessor) => included[predecessor] === true);
  return included.filter(Boolean).length;
}
