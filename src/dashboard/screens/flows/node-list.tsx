/** The nodes of a flow as a table: what the graph shows, for screen readers and for many nodes. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { CountsBar } from "./counts-bar.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { kindText, totalOf, whenText } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";
import type { Obstacle } from "./obstacle.ts";
import { obstacleText } from "./obstacle.ts";
import { RetryFromButton } from "./retry-button.tsx";
import { urlOfNode } from "./url-of-node.ts";

interface NodeListProps {
  readonly flow: Flow;
  readonly nodes: readonly NamedNode[];
  readonly obstacle: Obstacle | undefined;
}

export function NodeList({ flow, nodes, obstacle }: NodeListProps): JSX.Element {
  const blocking = obstacle && nodes[obstacle.at]?.name;
  const columns = useMemo(() => columnsFor(flow, blocking, obstacle), [flow, blocking, obstacle]);
  return (
    <Panel title="Nodes" aside={`${countText(nodes.length)} in the order of the request`}>
      <div class="flow-nodes">
        <Table
          caption="Nodes of the flow"
          columns={columns}
          rows={nodes}
          idOf={({ name }) => name}
          hrefOf={(node) => urlOfNode(flow.id, node)}
        />
      </div>
    </Panel>
  );
}

function columnsFor(flow: Flow, blocking: string | undefined, obstacle: Obstacle | undefined): Column<NamedNode>[] {
  return [
    {
      key: "node",
      title: "Node",
      cell: (node) => (
        <>
          <Link to={urlOfNode(flow.id, node)} class="cut flow-name" title={node.name}>
            {node.name}
          </Link>
          <span class="muted flow-note">{kindText(node)}</span>
        </>
      ),
    },
    {
      key: "status",
      title: "Status",
      cell: (node) => (
        <>
          <FlowStatusMark value={node.status} />
          {obstacle && node.name === blocking ? (
            <span class={`flow-note ${obstacle.kind}`}>{obstacleText(obstacle)}</span>
          ) : null}
          <Cause node={node} />
        </>
      ),
    },
    { key: "when", title: "Runs", cell: (node) => <When node={node} />, isMinor: true },
    { key: "jobs", title: "Jobs", cell: (node) => <Jobs node={node} /> },
    ...(flow.kind === "flow"
      ? [{ key: "retry", title: "Action", cell: (node: NamedNode) => <RetryFromButton flow={flow} node={node} /> }]
      : []),
  ];
}

function When({ node }: { readonly node: NamedNode }): JSX.Element {
  const text = whenText(node);
  const all = node.after.join(", ");
  return text === "" ? <span class="muted">at once</span> : <span title={all}>{text}</span>;
}

/** The job because of which the node did not run. */
function Cause({ node: { status, cause, job_id: job } }: { readonly node: NamedNode }): JSX.Element | null {
  if (status !== "cancelled" || cause === null || cause === job) return null;
  return (
    <span class="muted flow-note">
      because of{" "}
      <Link to={href(["jobs", cause])} class="mono" title={cause}>
        {cause.slice(-8)}
      </Link>
    </span>
  );
}

function Jobs({ node: { counts } }: { readonly node: NamedNode }): JSX.Element {
  if (counts === null) return <span class="muted">1</span>;
  const total = totalOf(counts);
  return (
    <span class="flow-progress">
      <CountsBar counts={counts} />
      <span class="nowrap">
        {countText(total - counts.unfinished - counts.waiting)}
        <span class="muted"> / {countText(total)}</span>
      </span>
    </span>
  );
}
