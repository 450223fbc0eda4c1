/** How far a flow is, in one line, and what holds it up. */
import type { JSX } from "preact";
import type { Flow } from "../../../client/taskflow.ts";
import { Elapsed } from "../../parts/elapsed.tsx";
import { countOf, countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { CountsBar } from "./counts-bar.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { COUNTED, hasNodeEnded } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";
import type { Obstacle } from "./obstacle.ts";
import { obstacleText } from "./obstacle.ts";
import { urlOfNode } from "./url-of-node.ts";

interface StateLineProps {
  readonly flow: Flow;
  readonly nodes: readonly NamedNode[];
  readonly obstacle: Obstacle | undefined;
}

export function StateLine({ flow, nodes, obstacle }: StateLineProps): JSX.Element {
  const { id, status, totals, kind, cancel_requested: isCancelled, created_at: from, finished_at: to } = flow;
  const ended = nodes.filter((node) => hasNodeEnded(node.status)).length;
  const blocking = obstacle && nodes[obstacle.at];
  return (
    <div class="job-state flow-state">
      <FlowStatusMark value={status} />
      <span role="status">
        {isCancelled && status === "running" ? "It is being cancelled. " : ""}
        {kind === "batch" ? null : `${countText(ended)} of ${countOf(nodes.length, "node")} ended, `}
        {countText(totals.completed + totals.failed + totals.cancelled)} of {countOf(totals.total, "job")} ended
      </span>
      <span class="muted">
        {status === "running" ? "for " : "after "}
        <Elapsed from={Date.parse(from)} to={to === null ? null : Date.parse(to)} />
      </span>
      {obstacle && blocking ? (
        <span class="flow-obstacle">
          <Link to={urlOfNode(id, blocking)}>{blocking.name}</Link> {obstacleText(obstacle)}.
        </span>
      ) : null}
      <span class="flow-totals">
        <CountsBar counts={totals} />
        <ul class="legend">
          {COUNTED.map((key) => (
            <li key={key}>
              <span class={`counts-key of-${key}`} aria-hidden="true" />
              {countText(totals[key])} {key}
            </li>
          ))}
        </ul>
      </span>
    </div>
  );
}
