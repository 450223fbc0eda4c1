import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NamedNode } from "./flow-nodes.ts";
import type { Before } from "./node-order.ts";
import { ancestorsOf, beforeOf, edgesOf, layersOf, orderOf, reducedEdges, withFollowers } from "./node-order.ts";

const node = (name: string, after: string[] = [], resultsOf?: string) =>
  ({ name, after, ...(resultsOf !== undefined && { results_of: resultsOf }) }) as unknown as NamedNode;

/** Graphs without cycles: each node comes after some of those before it. */
const graphs: fc.Arbitrary<Before> = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 40 })
  .map((picks) => picks.map((some, at) => (at === 0 ? [] : [...new Set(some.map((pick) => pick % at))])));

/** All nodes from which there is a way to `to`, by trying each way. */
function reaching(before: Before, to: number): Set<number> {
  const found = new Set<number>();
  const visit = (index: number): void => {
    for (const from of before[index] ?? []) {
      if (found.has(from)) continue;
      found.add(from);
      visit(from);
    }
  };
  visit(to);
  return found;
}

describe("the order of nodes", () => {
  it("has indexes for names, and the results of a batch after it", () => {
    const nodes = [node("a"), node("b", ["a", "unknown"]), node("a:results", [], "a")];
    expect(beforeOf(nodes)).toEqual([[], [0], [0]]);
  });

  it("has each node after those that it waits for", () => {
    fc.assert(
      fc.property(graphs, (before) => {
        const order = orderOf(before);
        expect([...order].sort((a, b) => a - b)).toEqual([...before.keys()]);
        for (const { from, to } of edgesOf(before)) expect(order.indexOf(from)).toBeLessThan(order.indexOf(to));
      }),
    );
  });

  it("puts each node into the layer after the last one that it waits for", () => {
    expect(layersOf([[], [], [0], [2, 1], [1]])).toEqual([0, 0, 1, 2, 1]);
  });

  it("knows all ancestors", () => {
    fc.assert(
      fc.property(graphs, (before) => {
        const ancestors = ancestorsOf(before);
        for (const to of before.keys()) {
          const expected = reaching(before, to);
          expect([...before.keys()].filter((index) => ancestors[to]?.all.has(index))).toEqual(
            [...expected].sort((a, b) => a - b),
          );
        }
      }),
    );
  });

  it("leaves out the edges that follow from others, and no way is lost", () => {
    expect(reducedEdges([[], [0], [0, 1]])).toEqual([
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ]);
    fc.assert(
      fc.property(graphs, (before) => {
        const kept = reducedEdges(before);
        const reduced: number[][] = before.map(() => []);
        for (const { from, to } of kept) reduced[to]?.push(from);
        for (const to of before.keys()) expect(reaching(reduced, to)).toEqual(reaching(before, to));
        for (const { from, to } of kept) {
          const without = reduced.map((list, at) => (at === to ? list.filter((each) => each !== from) : list));
          expect(reaching(without, to).has(from)).toBe(false);
        }
      }),
    );
  });

  it("counts nodes with all that come after them, each once", () => {
    const nodes = [node("a"), node("b", ["a"]), node("c", ["a", "b"]), node("d")];
    expect(withFollowers(nodes, new Set(["b"]))).toBe(2);
    expect(withFollowers(nodes, new Set(["a", "b"]))).toBe(3);
    expect(withFollowers(nodes, new Set())).toBe(0);
  });
});
