import fc from "fast-check";
import { expect, it } from "vitest";
import { at } from "../at.ts";
import { comesAfter, cyclesOf, type Edges } from "./cycles.ts";
import { dependencyOrder } from "./graph.ts";

const graphs: fc.Arbitrary<Edges> = fc
  .integer({ min: 1, max: 40 })
  .chain((count) =>
    fc.array(fc.uniqueArray(fc.nat({ max: count - 1 }), { maxLength: 3 }), { minLength: count, maxLength: count }),
  );

/** By its definition: one step, or a step to a node that comes after it. */
function reaches(edges: Edges, from: number): Set<number> {
  const reached = new Set<number>();
  const queue = [...at(edges, from)];
  for (const node of queue) {
    if (reached.has(node)) continue;
    reached.add(node);
    queue.push(...at(edges, node));
  }
  return reached;
}

it("comesAfter finds all nodes before a node, also in a graph with cycles", () => {
  fc.assert(
    fc.property(graphs, (edges) => {
      const isAfter = comesAfter(edges);
      for (const from of edges.keys()) {
        const reached = reaches(edges, from);
        for (const to of edges.keys()) expect(isAfter(from, to)).toBe(reached.has(to));
      }
    }),
  );
});

it("cyclesOf finds cycles, each once, without which the graph has an order", () => {
  fc.assert(
    fc.property(graphs, (edges) => {
      const cycles = cyclesOf(edges);
      const left = edges.map((targets) => new Set(targets));
      for (const cycle of cycles) {
        expect(new Set(cycle).size).toBe(cycle.length);
        cycle.forEach((node, nth) => {
          expect(edges[node]).toContain(cycle[(nth + 1) % cycle.length]);
        });
        left[at(cycle, cycle.length - 1)]?.delete(at(cycle, 0));
      }
      expect(new Set(cycles.map(String)).size).toBe(cycles.length);
      const nodes = left.map((targets) => ({ after: [...targets], waitsFor: [] }));
      if (cycles.length < 50) expect(dependencyOrder(nodes)).toHaveLength(edges.length);
    }),
  );
});

it("reads a line, a complete graph and a large cycle of 1,000 nodes", () => {
  const line = Array.from({ length: 1_000 }, (_, node) => (node === 0 ? [] : [node - 1]));
  expect(cyclesOf(line)).toEqual([]);
  expect([comesAfter(line)(999, 0), comesAfter(line)(0, 999)]).toEqual([true, false]);
  const ring = line.map((targets, node) => (node === 0 ? [999] : targets));
  expect(cyclesOf(ring)).toEqual([[0, ...Array.from({ length: 999 }, (_, nth) => 999 - nth)]]);
  const complete = Array.from({ length: 300 }, () => Array.from({ length: 300 }, (_, node) => node));
  expect(cyclesOf(complete)).toHaveLength(50);
});
