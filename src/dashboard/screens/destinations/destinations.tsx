/** The hosts that jobs call, and how each answers. */
import type { JSX } from "preact";
import type { Destination } from "../../../client/taskflow.ts";
import { refreshResources, useResource } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { countText } from "../../parts/format.ts";
import { Meter } from "../../parts/meter.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { StatusShape } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { notify } from "../../parts/toasts.tsx";

const READ_EVERY_MS = 2_000;
/** The worst first. */
const ORDER: Readonly<Record<Destination["state"], number>> = { open: 0, half_open: 1, closed: 2 };

export function Destinations(): JSX.Element {
  const destinations = useResource("destinations", (api, signal) => api.destinations({ signal }), {
    everyMs: READ_EVERY_MS,
  });
  return (
    <Page title="Destinations">
      <p class="muted lead">
        Hosts that jobs have called in the last 15 minutes. A host that does not answer is suspended: its jobs wait, and
        do not use up their attempts.
      </p>
      <Loaded of={destinations}>
        {(list) => (
          <Panel title="Hosts">
            <Table
              caption="Destinations"
              columns={COLUMNS}
              rows={[...list].sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.host.localeCompare(b.host))}
              idOf={({ host }) => host}
              empty="No job has called a host in the last 15 minutes."
            />
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

const COLUMNS: readonly Column<Destination>[] = [
  { key: "host", title: "Host", cell: ({ host }) => <code class="host">{host}</code> },
  { key: "state", title: "State", cell: stateOf },
  {
    key: "in-flight",
    title: "In flight",
    cell: ({ in_flight: used, limit }) => <Meter used={used} limit={limit} label="In flight" />,
  },
  { key: "waiting", title: "Waiting jobs", align: "end", cell: ({ waiting }) => countText(waiting) },
  {
    key: "failures",
    title: "Failures in a row",
    align: "end",
    cell: ({ consecutive_failures: failures }) => countText(failures),
  },
  { key: "until", title: "Suspended until", cell: ({ suspended_until: until }) => <Time at={until} /> },
  { key: "used", title: "Last used", cell: ({ last_used: used }) => <Time at={used} />, isMinor: true },
  {
    key: "try",
    title: "Action",
    cell: ({ host, state }) => (
      <Button
        scope="admin"
        onPress={() => tryNow(host)}
        unavailable={state === "closed" ? "The host answers: there is nothing to try." : undefined}
        label={`Try now: ${host}`}
      >
        Try now
      </Button>
    ),
  },
];

function stateOf({ state }: Destination): JSX.Element {
  const [status, text] = STATES[state];
  return (
    <span class={`status status-${status}`}>
      <StatusShape value={status} />
      {text}
    </span>
  );
}

/** Shown with the shape and the colour of a job's status. */
const STATES = {
  open: ["failed", "suspended"],
  half_open: ["retrying", "being tried"],
  closed: ["completed", "answers"],
} as const;

async function tryNow(host: string): Promise<void> {
  await client().resetDestination(host);
  notify(`Jobs try ${host} again.`);
  refreshResources("destinations");
}
