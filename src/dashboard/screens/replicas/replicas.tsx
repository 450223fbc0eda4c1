/** The replicas that run jobs: what each does, and how it is. */
import type { JSX } from "preact";
import type { Worker } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { bytesText, countOf, durationText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { StatusShape } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { now, Time } from "../../parts/time.tsx";

const READ_EVERY_MS = 2_000;
/** A replica sends its heartbeat every few seconds; one that is older is worth a look. */
const LATE_MS = 10_000;

export function Replicas(): JSX.Element {
  const workers = useResource("workers", (api, signal) => api.workers({ signal }), { everyMs: READ_EVERY_MS });
  return (
    <Page title="Replicas">
      <Loaded of={workers}>
        {(list) => (
          <>
            <Versions workers={list} />
            <Panel title={countOf(list.length, "replica that runs jobs", "replicas that run jobs")}>
              <Table
                caption="Replicas"
                columns={COLUMNS}
                rows={[...list].sort((a, b) => a.host.localeCompare(b.host) || a.id.localeCompare(b.id))}
                idOf={({ id }) => id}
                empty="No replica runs jobs. Submitted jobs wait until one starts."
              />
            </Panel>
            {list.length === 0 ? null : <SlotsByType workers={list} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** More than one version runs during an update; for longer it is a mistake. */
function Versions({ workers }: { readonly workers: readonly Worker[] }): JSX.Element | null {
  const versions = [...new Set(workers.map(({ version }) => version))].sort();
  if (versions.length < 2) return null;
  return <div class="notice">The replicas run different versions: {versions.join(", ")}.</div>;
}

const COLUMNS: readonly Column<Worker>[] = [
  {
    key: "id",
    title: "Replica",
    cell: ({ id, host }) => (
      <>
        <code>{id}</code> <span class="muted">{host}</span>
      </>
    ),
  },
  { key: "state", title: "State", cell: stateOf },
  { key: "version", title: "Version", cell: ({ version, role }) => `${version} (${role})`, isMinor: true },
  { key: "since", title: "Up", align: "end", cell: ({ since }) => durationText(now.value - Date.parse(since)) },
  {
    key: "io",
    title: "I/O slots",
    cell: ({ lanes }) => <Meter used={lanes.io.running} limit={lanes.io.limit} label="I/O slots" />,
  },
  {
    key: "cpu",
    title: "CPU slots",
    cell: ({ lanes }) => <Meter used={lanes.cpu.running} limit={lanes.cpu.limit} label="CPU slots" />,
  },
  {
    key: "threads",
    title: "Threads",
    cell: ({ threads }) => <Meter used={threads.busy} limit={threads.size} label="Threads" />,
    isMinor: true,
  },
  {
    key: "delay",
    title: "Event-loop delay p99",
    align: "end",
    cell: ({ event_loop_delay_ms: delay }) => durationText(delay.p99),
    isMinor: true,
  },
  { key: "memory", title: "Memory", align: "end", cell: memoryOf, isMinor: true },
  {
    key: "jobs",
    title: "Jobs",
    cell: ({ id }) => (
      <Link to={href(["jobs"], { q: `status:running worker:${id}` })} class="nowrap">
        Running jobs
      </Link>
    ),
  },
];

function stateOf({ draining, heartbeat }: Worker): JSX.Element {
  if (draining)
    return (
      <span class="status status-retrying">
        <StatusShape value="retrying" />
        draining
      </span>
    );
  const age = now.value - Date.parse(heartbeat);
  if (age < LATE_MS)
    return (
      <span class="status status-completed">
        <StatusShape value="running" />
        running
      </span>
    );
  return (
    <span class="status status-failed">
      <StatusShape value="failed" />
      last heartbeat <Time at={heartbeat} />
    </span>
  );
}

function memoryOf({ memory_bytes: used, memory_limit_bytes: limit }: Worker): JSX.Element | string {
  if (used === null) return "–";
  return limit === null ? bytesText(used) : <Meter used={used} limit={limit} label="Memory" format={bytesText} />;
}

function SlotsByType({ workers }: { readonly workers: readonly Worker[] }): JSX.Element {
  const types = [...new Set(workers.flatMap((worker) => Object.keys(worker.types)))].sort();
  const columns: Column<string>[] = [
    { key: "type", title: "Type", cell: (type) => <Link to={href(["queues", type])}>{type}</Link> },
    ...workers.map(
      (worker): Column<string> => ({
        key: worker.id,
        title: <code>{worker.id}</code>,
        cell: (type) => {
          const slots = worker.types[type];
          return slots ? <Meter used={slots.running} limit={slots.limit} label={`${type} on ${worker.id}`} /> : "–";
        },
      }),
    ),
  ];
  return (
    <Panel title="Slots by type">
      <Table caption="Slots by type and replica" columns={columns} rows={types} idOf={(type) => `type-${type}`} />
    </Panel>
  );
}
