/** The status of a flow or of a node, by a word, a shape and a colour. */
import type { JSX } from "preact";
import { Shape } from "../../parts/shape.tsx";
import { Status } from "../../parts/status.tsx";
import type { NodeStatus } from "./flow-nodes.ts";

const SKIPPED = "M2.5 6h7M7 3.5L9.5 6 7 8.5";

/** Running means of a flow: its jobs wait for others, are in a queue, or run. */
export function FlowStatusMark({ value }: { readonly value: NodeStatus }): JSX.Element {
  if (value !== "skipped") return <Status value={value} />;
  return (
    <span class="status status-cancelled">
      <Shape path={SKIPPED} />
      skipped
    </span>
  );
}
