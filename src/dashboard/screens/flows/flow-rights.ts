/** Which actions the status of a flow allows. */
import type { FlowSummary } from "../../../client/taskflow.ts";

export type FlowAction = "retry" | "retry-from" | "cancel";

/** Why an action is not possible now; undefined if it is. */
export function unavailableFor(
  action: FlowAction,
  { status, cancel_requested: isCancelled, kind }: Pick<FlowSummary, "status" | "cancel_requested" | "kind">,
): string | undefined {
  const isOver = status !== "running";
  switch (action) {
    case "retry":
      if (!isOver) return "It has not ended.";
      return status === "completed" ? "Everything has completed." : undefined;
    case "retry-from":
      if (kind !== "flow") return "Only flows can be retried from a node.";
      return isOver ? undefined : "It has not ended.";
    case "cancel":
      if (isOver) return "It has ended.";
      return isCancelled ? "It is being cancelled." : undefined;
  }
}
