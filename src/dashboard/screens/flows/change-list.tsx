/** What has changed in a flow since the page was opened. */
import type { JSX } from "preact";
import type { Flow } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { clockText, exactTime } from "../../parts/time.tsx";
import type { FlowChange } from "./flow-changes.ts";
import type { NamedNode } from "./flow-nodes.ts";
import { urlOfNode } from "./url-of-node.ts";

interface ChangeListProps {
  readonly flow: Flow;
  readonly changes: readonly FlowChange[];
}

export function ChangeList({ flow, changes }: ChangeListProps): JSX.Element {
  return (
    <Panel title="Events" aside="Since this page was opened, newest first">
      {changes.length === 0 ? (
        <div class="empty">
          {flow.status === "running" ? "Nothing has changed yet. Changes appear here." : "The flow has ended."}
        </div>
      ) : (
        // a long list scrolls, so the keyboard must reach it
        <div class="flow-changes" tabIndex={0} role="log" aria-label="Events">
          <ol>
            {changes.map(({ number, at, node, text }) => (
              <li key={number}>
                <time class="muted mono" dateTime={new Date(at).toISOString()} title={exactTime(at)}>
                  {clockText(at)}
                </time>
                <span class="flow-change-node">
                  <NodeLink flow={flow} name={node} />
                </span>
                <span>{text}</span>
              </li>
            ))}
          </ol>
        </div>
      )}
    </Panel>
  );
}

function NodeLink({ flow, name }: { readonly flow: Flow; readonly name: string | null }): JSX.Element {
  const node = name === null ? undefined : flow.jobs[name];
  if (name === null || !node)
    return <Link to={href(["flows", flow.id])}>the whole {flow.kind === "batch" ? "batch" : "flow"}</Link>;
  const named: NamedNode = { ...node, name };
  return <Link to={urlOfNode(flow.id, named)}>{name}</Link>;
}
