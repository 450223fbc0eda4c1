/** The columns of the list of flows. */
import type { JSX } from "preact";
import type { FlowSummary } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { Elapsed } from "../../parts/elapsed.tsx";
import { countOf, countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { CountsBar } from "./counts-bar.tsx";
import { KIND_TEXTS, titleOf } from "./flow-nodes.ts";
import { FlowStatusMark } from "./flow-status.tsx";

export const COLUMNS: readonly Column<FlowSummary>[] = [
  { key: "status", title: "Status", cell: ({ status }) => <FlowStatusMark value={status} /> },
  { key: "name", title: "Name", cell: (flow) => <Name flow={flow} /> },
  {
    key: "kind",
    title: "Kind",
    cell: ({ kind, nodes }) => (
      <>
        {KIND_TEXTS[kind]}
        {kind === "flow" ? <span class="muted flow-note">{countOf(nodes, "node")}</span> : null}
      </>
    ),
    isMinor: true,
  },
  { key: "progress", title: "Jobs", cell: ({ totals }) => <Progress totals={totals} /> },
  { key: "age", title: "Age", align: "end", cell: ({ created_at: at }) => <Time at={at} /> },
  {
    key: "duration",
    title: "Duration",
    align: "end",
    cell: ({ created_at: from, finished_at: to }) => (
      <Elapsed from={Date.parse(from)} to={to === null ? null : Date.parse(to)} />
    ),
    isMinor: true,
  },
];

function Name({ flow }: { readonly flow: FlowSummary }): JSX.Element {
  const { id, name } = flow;
  return (
    <Link to={href(["flows", id])} class={`cut flow-name ${name === null ? "mono" : ""}`} title={name ?? id}>
      {titleOf(flow)}
    </Link>
  );
}

function Progress({ totals }: { readonly totals: FlowSummary["totals"] }): JSX.Element {
  const ended = totals.completed + totals.failed + totals.cancelled;
  return (
    <span class="flow-progress">
      <CountsBar counts={totals} />
      <span class="nowrap">
        {countText(ended)}
        <span class="muted"> / {countText(totals.total)}</span>
      </span>
    </span>
  );
}
