/** The node that the rest of a flow waits for, or because of which the rest did not run. */
import { countOf } from "../../parts/format.ts";
import type { NamedNode } from "./flow-nodes.ts";
import { ancestorsOf, beforeOf } from "./node-order.ts";

export interface Obstacle {
  /** holds: it is under way · stopped: it has failed or was cancelled. */
  readonly kind: "holds" | "stopped";
  /** Its index. */
  readonly at: number;
  /** The nodes that wait for it, or that did not run because of it. */
  readonly count: number;
}

/** The one with the most nodes behind it; the first of several. Undefined if there is none. */
export function obstacleOf(nodes: readonly NamedNode[]): Obstacle | undefined {
  return holding(nodes) ?? stopping(nodes);
}

function holding(nodes: readonly NamedNode[]): Obstacle | undefined {
  const waiting = nodes.flatMap(({ status }, index) => (status === "waiting" ? [index] : []));
  if (waiting.length === 0) return undefined;
  const ancestors = ancestorsOf(beforeOf(nodes));
  return most(
    nodes.map(({ status }, at) => {
      const isHolding = status === "running";
      const isBehind = (index: number): boolean => ancestors[index]?.all.has(at) === true;
      return { kind: "holds", at, count: isHolding ? waiting.filter(isBehind).length : 0 };
    }),
  );
}

function stopping(nodes: readonly NamedNode[]): Obstacle | undefined {
  const counts = new Map<string, number>();
  for (const { status, cause, job_id: job } of nodes)
    if (status === "cancelled" && cause !== null && cause !== job) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  return most(
    nodes.map(({ status, job_id: job, counts: jobs, cause }, at) => {
      const id = jobs === null ? job : status === "failed" ? cause : null;
      return { kind: "stopped", at, count: id === null ? 0 : (counts.get(id) ?? 0) };
    }),
  );
}

function most(obstacles: readonly Obstacle[]): Obstacle | undefined {
  return obstacles.reduce<Obstacle | undefined>(
    (best, each) => (each.count > (best?.count ?? 0) ? each : best),
    undefined,
  );
}

/** In words, without the name of the node, which comes before them: `holds up 3 nodes`. */
export function obstacleText({ kind, count }: Obstacle): string {
  if (kind === "holds") return `holds up ${countOf(count, "node")}`;
  return `is why ${countOf(count, "node")} did not run`;
}
