import type { JSX } from "preact";
import type { Queue } from "../../../client/taskflow.ts";
import { Shape } from "../../parts/shape.tsx";

interface QueueStateProps {
  readonly queue: Pick<Queue, "state" | "paused_reason" | "depth">;
  /** How many run the type. */
  readonly replicas: number;
}

/** Whether jobs of the queue start, by a word, a shape and a colour. */
export function QueueState({ queue: { state, paused_reason: reason, depth }, replicas }: QueueStateProps): JSX.Element {
  if (state === "paused")
    return (
      <span class="status status-retrying" title={reason ?? undefined}>
        <Shape path="M4 2.5v7M8 2.5v7" />
        paused
      </span>
    );
  if (replicas === 0 && depth > 0)
    return (
      <span class="status status-failed">
        <Shape path="M3 3l6 6M9 3l-6 6" />
        no replica runs it
      </span>
    );
  return (
    <span class="status status-completed">
      <Shape path="M4 2.5v7l5.5-3.5z" />
      active
    </span>
  );
}
