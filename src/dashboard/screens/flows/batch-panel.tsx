/** Whether a batch is open, when it has failed, and the states of its callbacks. */
import type { JSX } from "preact";
import type { Batch, Flow } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { refreshResources, useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { Fact } from "../../parts/fact.tsx";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { Time } from "../../parts/time.tsx";
import { notify } from "../../parts/toasts.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";

interface BatchPanelProps {
  readonly flow: Flow;
  readonly nodes: readonly NamedNode[];
}

const READ_EVERY_MS = 5_000;

export function BatchPanel({ flow: { id, status }, nodes }: BatchPanelProps): JSX.Element {
  const batch = useResource(`flow ${id} batch`, (api, signal) => api.batches.get(id, { signal }), {
    everyMs: status === "running" ? READ_EVERY_MS : 0,
  });
  return (
    <Panel title="Batch" aside={batch.data && <CloseButton batch={batch.data} />}>
      <div class="flow-batch">
        <Loaded of={batch}>{(loaded) => <BatchFacts batch={loaded} callbacks={nodes.slice(1)} />}</Loaded>
      </div>
    </Panel>
  );
}

function CloseButton({ batch: { id, open: isOpen } }: { readonly batch: Batch }): JSX.Element {
  const close = async (): Promise<void> => {
    await client().batches.close(id);
    notify("The batch is closed: it gets no more jobs.");
    refreshResources(`flow ${id}`);
  };
  return (
    <Button scope="submit" onPress={close} unavailable={isOpen ? undefined : "It is closed."}>
      Close the batch
    </Button>
  );
}

interface BatchFactsProps {
  readonly batch: Batch;
  readonly callbacks: readonly NamedNode[];
}

function BatchFacts({ batch, callbacks }: BatchFactsProps): JSX.Element {
  const { closes_at: closesAt, max_failures: maxFailures, cause: first } = batch;
  return (
    <dl class="side-facts panel-body">
      <Fact title="Jobs">{openText(batch)}</Fact>
      {closesAt === null ? null : (
        <Fact title="Closes itself">
          <Time at={closesAt} />
        </Fact>
      )}
      <Fact title="Has failed">
        {maxFailures === 0 ? "with its first failed job" : `with more than ${countText(maxFailures)} failed jobs`}
      </Fact>
      {first === null ? null : (
        <Fact title="First failure">
          <Link to={href(["jobs", first])} class="mono">
            {first}
          </Link>
        </Fact>
      )}
      <Fact title="Callbacks">
        {callbacks.length === 0 ? (
          "none"
        ) : (
          <ul class="flow-callbacks">
            {callbacks.map((node) => (
              <li key={node.name}>
                <Link to={href(["jobs", node.job_id ?? ""])}>{node.name}</Link>
                <FlowStatusMark value={node.status} />
                <span class="muted">{node.type}</span>
              </li>
            ))}
          </ul>
        )}
      </Fact>
    </dl>
  );
}

function openText({ open: isOpen, closed_by: by }: Batch): string {
  if (isOpen) return "open: more may be added";
  if (by === null) return "closed: all were submitted at once";
  return by === "timeout" ? "closed itself, because nobody closed it in time" : "closed by the caller";
}
