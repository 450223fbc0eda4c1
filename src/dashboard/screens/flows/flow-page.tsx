/** One flow or batch: its graph, the jobs of its nodes, and what can be done with it. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href, route } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { JsonView } from "../../parts/json-view.tsx";
import { Link } from "../../parts/link.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { BatchPanel } from "./batch-panel.tsx";
import { ChangeList } from "./change-list.tsx";
import { FlowActions } from "./flow-actions.tsx";
import type { FlowChange } from "./flow-changes.ts";
import { FlowDetails } from "./flow-details.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { nodesOf } from "./flow-nodes.ts";
import { GraphPanel } from "./graph-panel.tsx";
import { NodeJobs } from "./node-jobs.tsx";
import { NodeList } from "./node-list.tsx";
import { obstacleOf } from "./obstacle.ts";
import { StateLine } from "./state-line.tsx";
import { useFlow } from "./use-flow.ts";

export function FlowPage({ item: id = "" }: ScreenProps): JSX.Element {
  const live = useFlow(id);
  const { data: flow, error, changes } = live;
  if (!flow && error instanceof TaskFlowError && (error.status === 404 || error.code === "invalid_id"))
    return (
      <Page title="Flow not found">
        <p>
          There is no flow or batch <code>{id}</code>. It may be older than the server keeps flows.{" "}
          <Link to={href(["flows"])}>All flows</Link>
        </p>
      </Page>
    );
  const kind = flow?.kind === "batch" ? "Batch" : "Flow";
  const name = flow?.name ?? kind;
  return (
    <Page
      title={`${name} ${id}`}
      heading={
        <span class="job-heading">
          {name} <span class="mono">{id}</span>
          <CopyButton text={id} label="Copy the id">
            Copy
          </CopyButton>
        </span>
      }
      actions={flow && <FlowActions flow={flow} />}
    >
      <Loaded of={live}>{(loaded) => <Views flow={loaded} changes={changes} />}</Loaded>
    </Page>
  );
}

const VIEWS = [
  ["graph", "Graph"],
  ["list", "List"],
  ["events", "Events"],
  ["json", "Raw JSON"],
] as const;

interface ViewsProps {
  readonly flow: Flow;
  readonly changes: readonly FlowChange[];
}

function Views({ flow, changes }: ViewsProps): JSX.Element {
  const { query } = route();
  const nodes = useMemo(() => nodesOf(flow), [flow]);
  const obstacle = useMemo(() => obstacleOf(nodes), [nodes]);
  const view = VIEWS.find(([key]) => key === query.get("view"))?.[0] ?? "graph";
  const node = nodeIn(nodes, query.get("node"), flow);
  const tabs = VIEWS.map(([key, text]) => ({
    key,
    to: href(["flows", flow.id], key === "graph" ? {} : { view: key }),
    text,
    isCurrent: key === view,
  }));
  const shown = useRef(node?.name);
  const isChosen = node !== undefined && shown.current !== node.name;
  useEffect(() => {
    shown.current = node?.name;
  }, [node?.name]);
  const isNodeAlone = view === "list" && query.get("node") !== null && node !== undefined;
  return (
    <>
      <StateLine flow={flow} nodes={nodes} obstacle={obstacle} />
      <Tabs label="Views of the flow" tabs={tabs} />
      {view === "graph" ? <GraphPanel id={flow.id} nodes={nodes} obstacle={obstacle} current={node?.name} /> : null}
      {view === "list" && !isNodeAlone ? <NodeList flow={flow} nodes={nodes} obstacle={obstacle} /> : null}
      {view === "events" ? <ChangeList flow={flow} changes={changes} /> : null}
      {view === "json" ? (
        <Panel title="Raw JSON" aside="As the API returns it">
          <JsonView json={JSON.stringify(flow)} label="the flow" />
        </Panel>
      ) : null}
      {node && (view === "graph" || isNodeAlone) ? (
        <NodeJobs key={node.name} flow={flow} node={node} isChosen={isChosen} />
      ) : null}
      {view === "graph" || view === "list" ? (
        <div class="columns">
          <FlowDetails flow={flow} />
          {flow.kind === "batch" ? <BatchPanel flow={flow} nodes={nodes} /> : null}
        </div>
      ) : null}
    </>
  );
}

/** The node whose jobs are listed: the batch that the URL names, or the one of a batch. */
function nodeIn(nodes: readonly NamedNode[], name: string | null, { kind }: Flow): NamedNode | undefined {
  const found = nodes.find((node) => node.name === name && node.counts !== null);
  return found ?? (kind === "batch" ? nodes[0] : undefined);
}
