import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Drawing } from "./graph-layout.ts";
import { drawingOf } from "./graph-layout.ts";
import type { Direction } from "./layered-layout.ts";
import { extentOf, layeredLayout, NODE_HEIGHT, NODE_WIDTH } from "./layered-layout.ts";
import type { Before } from "./node-order.ts";
import { edgesOf } from "./node-order.ts";

const range = (length: number): number[] => Array.from({ length }, (_, at) => at);
const line = (length: number): Before => range(length).map((at) => (at === 0 ? [] : [at - 1]));
/** One node, `width` after it, and one after all of them. */
const fan = (width: number): Before => [[], ...range(width).map(() => [0]), range(width).map((at) => at + 1)];
const graphs: fc.Arbitrary<Before> = fc
  .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 25 })
  .map((picks) => picks.map((some, at) => (at === 0 ? [] : [...new Set(some.map((pick) => pick % at))])));

function expectReadable({ places, width, height }: Omit<Drawing, "isSimple" | "isReduced" | "hasNoEdges">): void {
  for (const [at, { x, y }] of places.entries()) {
    expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(x + NODE_WIDTH).toBeLessThanOrEqual(width);
    expect(y + NODE_HEIGHT).toBeLessThanOrEqual(height);
    for (const other of places.slice(at + 1))
      expect(Math.abs(x - other.x) >= NODE_WIDTH || Math.abs(y - other.y) >= NODE_HEIGHT).toBe(true);
  }
}

function expectForward({ places, edges }: Drawing, direction: Direction): void {
  for (const { from, to } of edges) {
    const [a, b] = [places[from], places[to]];
    if (direction === "right") expect((a?.x ?? 0) + NODE_WIDTH).toBeLessThan(b?.x ?? 0);
    else expect((a?.y ?? 0) + NODE_HEIGHT).toBeLessThan(b?.y ?? 0);
  }
}

describe.each(["right", "down"] as Direction[])("a drawing %s", (direction) => {
  it("has no two nodes in one place, and all lines lead on", async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (before) => {
        const drawing = await drawingOf(before, direction);
        expect(drawing.edges.length).toBe(edgesOf(before).length);
        expectReadable(drawing);
        expectForward(drawing, direction);
        expectReadable(layeredLayout(before, edgesOf(before), direction));
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["one node", [[]], false],
    ["a line of 1,000 nodes", line(1_000), true],
    ["a fan of 1,000 nodes", fan(998), true],
    ["1,000 nodes without a line", range(1_000).map(() => []), true],
  ] as [string, Before, boolean][])("of %s", async (_, before, isSimple) => {
    const drawing = await drawingOf(before, direction);
    expect(drawing).toMatchObject({ isSimple, isReduced: false, hasNoEdges: false });
    expectForward(drawing, direction);
    expect(drawing.places.length).toBe(before.length);
  });
});

it("leaves out lines that follow from others if there are very many", async () => {
  const all = range(1_000).map((at) => range(at)); // each node after all before it
  const drawing = await drawingOf(all, "right");
  expect(drawing).toMatchObject({ isReduced: true, hasNoEdges: false });
  expect(drawing.edges.length).toBe(999);
});

it("draws no lines if there are too many even so", async () => {
  const halves = range(1_000).map((at) => (at < 500 ? [] : range(500)));
  expect(await drawingOf(halves, "right")).toMatchObject({ hasNoEdges: true, edges: [] });
});

it("puts nodes beside those that they come after", () => {
  const before: Before = [[], [], [1], [0]]; // 0 → 3, 1 → 2: without an order, the lines would cross
  const { places } = layeredLayout(before, edgesOf(before), "right");
  expect(places[3]?.y).toBe(places[0]?.y);
  expect(places[2]?.y).toBe(places[1]?.y);
});

it("knows its extent before it is drawn", () => {
  expect(extentOf(fan(7))).toEqual({ layers: 3, breadth: 7 });
  expect(extentOf([])).toEqual({ layers: 0, breadth: 0 });
});
