/** Whether a node that has not started may start, must wait, or can no longer run. */
import { at } from "../at.ts";
import type { DoomCode, FlowState, NodeState } from "./flow.ts";

export type Decision =
  | "start"
  | "wait"
  | { readonly code: DoomCode /** The id of a job; null if there is none. */; readonly cause: string | null };

const NOT_NEEDED: Decision = { code: "not_needed", cause: null };

/** @param index of a node that has not started */
export function decide(state: FlowState, index: number): Decision {
  const { graph, isCancelRequested } = state;
  if (isCancelRequested && graph.kind !== "batch") return { code: "cancelled", cause: null };
  const { when, after, waitsFor } = at(graph.nodes, index);
  const decision = conditionOf(state, index);
  if (decision !== "start") return decision;
  const first = when === "first_failure" ? waitsFor : [...after, ...waitsFor];
  return areEnded(state, first) ? "start" : "wait";
}

/** @returns start if nothing that it comes after prevents it (anymore) */
function conditionOf(state: FlowState, index: number): Decision {
  const { when, after, waitsFor } = at(state.graph.nodes, index);
  const outcomes = after.map((node) => at(state.nodes, node).outcome);
  switch (when) {
    case "succeeded": {
      const bad = after.find((_, nth) => isBad(outcomes[nth]));
      if (bad !== undefined) return { code: "dependency_failed", cause: causeOf(state, bad) };
      if (state.stoppedBy !== undefined) return { code: "dependency_failed", cause: state.stoppedBy };
      if (!outcomes.includes("skipped")) return "start";
      // A failure of the others would make it cancelled, not skipped
      return areEnded(state, [...after, ...waitsFor]) ? NOT_NEEDED : "wait";
    }
    case "failed":
      if (outcomes.includes(null)) return "wait";
      return outcomes.some(isBad) ? "start" : NOT_NEEDED;
    case "ended":
      return "start";
    case "first_failure": {
      const { counts, outcome } = at(state.nodes, at(after, 0));
      return counts.failed > 0 ? "start" : outcome === null ? "wait" : NOT_NEEDED;
    }
    default:
      return when satisfies never;
  }
}

function areEnded({ nodes }: FlowState, indexes: readonly number[]): boolean {
  return indexes.every((index) => at(nodes, index).outcome !== null);
}

function isBad(outcome: NodeState["outcome"] | undefined): boolean {
  return outcome === "failed" || outcome === "cancelled";
}

/** The id of the job because of which nodes after this one cannot run. */
export function causeOf({ graph, nodes }: Pick<FlowState, "graph" | "nodes">, index: number): string | null {
  return at(nodes, index).cause ?? at(graph.nodes, index).ids[0]?.first ?? null;
}
