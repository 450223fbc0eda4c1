/** Which node an arrow key leads to. */
import type { Point } from "./layered-layout.ts";

const STEPS: Readonly<Record<string, Point>> = {
  ArrowRight: { x: 1, y: 0 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowDown: { x: 0, y: 1 },
  ArrowUp: { x: 0, y: -1 },
};
/** A node straight ahead is nearer than one beside the way. */
const ASIDE = 3;

/** @returns the index of the next node; undefined for another key, and where no node is in this direction */
export function nextNode(key: string, from: number, places: readonly Point[]): number | undefined {
  if (key === "Home") return 0;
  if (key === "End") return places.length - 1;
  const [step, start] = [STEPS[key], places[from]];
  if (!step || !start) return undefined;
  let [best, least]: [number | undefined, number] = [undefined, Infinity];
  for (const [index, { x, y }] of places.entries()) {
    const [dx, dy] = [x - start.x, y - start.y];
    const ahead = dx * step.x + dy * step.y;
    const aside = Math.abs(dx * step.y) + Math.abs(dy * step.x);
    const distance = ahead + ASIDE * aside;
    if (ahead > 0 && distance < least) [best, least] = [index, distance];
  }
  return best;
}
