/** The facts of a flow, and commands that read it. */
import type { JSX } from "preact";
import type { Flow } from "../../../client/taskflow.ts";
import { SERVER_URL } from "../../app/base.ts";
import { currentKey } from "../../data/session.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { Elapsed } from "../../parts/elapsed.tsx";
import { Fact } from "../../parts/fact.tsx";
import { countText } from "../../parts/format.ts";
import { Panel } from "../../parts/page.tsx";
import { Time } from "../../parts/time.tsx";
import { flowAsCli, flowAsCurl, flowAsTypeScript } from "./flow-commands.ts";
import { KIND_TEXTS } from "./flow-nodes.ts";

export function FlowDetails({ flow }: { readonly flow: Flow }): JSX.Element {
  const { id, kind, name, nodes, on_failure: onFailure, created_at: from, finished_at: to } = flow;
  return (
    <Panel title="Details" aside={<CopyAs flow={flow} />}>
      <dl class="side-facts panel-body">
        <Fact title="Id">
          <span class="mono">{id}</span>
        </Fact>
        <Fact title="Kind">{KIND_TEXTS[kind]}</Fact>
        {name === null ? null : <Fact title="Name">{name}</Fact>}
        {kind === "batch" ? null : <Fact title="Nodes">{countText(nodes)}</Fact>}
        {kind === "flow" ? (
          <Fact title="On failure">
            {onFailure === "stop" ? "stop: the rest is cancelled" : "finish: what does not depend on it continues"}
          </Fact>
        ) : null}
        <Fact title="Accepted">
          <Time at={from} />
        </Fact>
        <Fact title="Finished">
          <Time at={to} />
        </Fact>
        <Fact title="Duration">
          <Elapsed from={Date.parse(from)} to={to === null ? null : Date.parse(to)} />
        </Fact>
      </dl>
    </Panel>
  );
}

function CopyAs({ flow }: { readonly flow: Flow }): JSX.Element {
  const target = { url: SERVER_URL, hasKey: currentKey() !== undefined };
  return (
    <span class="copy-as">
      <span class="muted">Copy as</span>
      <CopyButton text={() => flowAsCurl(flow, target)} label="Copy as curl">
        curl
      </CopyButton>
      <CopyButton text={() => flowAsTypeScript(flow, target)} label="Copy as TypeScript">
        TypeScript
      </CopyButton>
      <CopyButton text={() => flowAsCli(flow, target)} label="Copy as a command of the CLI">
        CLI
      </CopyButton>
    </span>
  );
}
