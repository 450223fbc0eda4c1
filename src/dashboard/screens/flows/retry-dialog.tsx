/** Asks from which nodes a flow runs again. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { notify } from "../../parts/toasts.tsx";
import { nodesOf } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";
import { withFollowers } from "./node-order.ts";

interface RetryDialogProps {
  readonly flow: Flow;
  /** The nodes that are chosen at first. */
  readonly names: readonly string[];
  readonly onClose: () => void;
}

/** A longer list has a filter. */
const MANY = 12;

export function RetryDialog({ flow, names, onClose }: RetryDialogProps): JSX.Element {
  const nodes = useMemo(() => nodesOf(flow).filter(({ results_of: of }) => of === undefined), []);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(names));
  const [filter, setFilter] = useState("");
  const shown = nodes.filter(({ name }) => name.includes(filter.trim()));
  const toggle = (name: string): void => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    setChosen(next);
  };
  const count = withFollowers(nodes, chosen);
  return (
    <ActionDialog
      title="Retry from nodes"
      action={count === 0 ? "Retry" : `Retry ${countOf(count, "node")}`}
      scope="submit"
      unavailable={count === 0 ? "Choose a node." : undefined}
      onClose={onClose}
      act={() => retry(flow, [...chosen])}
    >
      <p>
        The chosen nodes and all nodes after them run again, as new jobs, even if they have completed. The others keep
        their results.
      </p>
      {nodes.length > MANY ? (
        <label>
          Filter
          <input
            class="field"
            type="search"
            autocomplete="off"
            spellcheck={false}
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
      ) : null}
      <ul class="retry-nodes" aria-label="Nodes">
        {shown.map(({ name, status }) => (
          <li key={name}>
            <label class="check">
              <input type="checkbox" checked={chosen.has(name)} onChange={() => toggle(name)} />
              <span class="retry-name">{name}</span>
              <FlowStatusMark value={status} />
            </label>
          </li>
        ))}
      </ul>
    </ActionDialog>
  );
}

/** @param from names of nodes; undefined for whatever has failed, was cancelled or waited for those */
export async function retry(flow: Flow, from?: readonly string[]): Promise<void> {
  const { kind, id } = flow;
  await (kind === "batch" ? client().batches.retry(id) : client().flows.retry(id, { from }));
  notify("It runs again, as new jobs.");
  refreshResources(`flow ${id}`);
}
