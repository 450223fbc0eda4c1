/** The queue of each job type. */
import type { JSX } from "preact";
import type { Queue, Worker } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { countText, durationText, shortCount } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { PauseButton } from "./pause-button.tsx";
import { QueueState } from "./queue-state.tsx";
import type { RecentCounts } from "./recent-counts.ts";
import { perMinute, useRecentCounts, WINDOW_TEXT } from "./recent-counts.ts";

const READ_EVERY_MS = 2_000;

interface Row extends Queue {
  readonly limit: number;
  readonly replicas: number;
  readonly counts: RecentCounts | undefined;
}

export function Queues(): JSX.Element {
  const queues = useResource("queues", (api, signal) => api.queues({ signal }), { everyMs: READ_EVERY_MS });
  const { data: workers } = useResource("workers", (api, signal) => api.workers({ signal }), {
    everyMs: READ_EVERY_MS,
  });
  const counts = useRecentCounts() ?? [];
  return (
    <Page title="Queues">
      <Loaded of={queues}>
        {(list) => (
          <Panel title="One queue for each job type" aside={`Rates and p95: ${WINDOW_TEXT}`}>
            <div class="queues">
              <Table
                caption="Queues"
                columns={COLUMNS}
                rows={rowsOf(list, workers ?? [], counts)}
                idOf={({ type }) => type}
                hrefOf={({ type }) => href(["queues", type])}
              />
            </div>
          </Panel>
        )}
      </Loaded>
    </Page>
  );
}

function rowsOf(queues: readonly Queue[], workers: readonly Worker[], counts: readonly RecentCounts[]): Row[] {
  return queues.map((queue) => {
    const runners = workers.filter(({ types }) => queue.type in types);
    return {
      ...queue,
      limit: runners.reduce((sum, { types }) => sum + (types[queue.type]?.limit ?? 0), 0),
      replicas: runners.length,
      counts: counts.find(({ type }) => type === queue.type),
    };
  });
}

function jobsOf(type: string, status: string): string {
  return href(["jobs"], { q: `type:${type} status:${status}` });
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "type", title: "Type", cell: ({ type }) => <Link to={href(["queues", type])}>{type}</Link> },
  { key: "state", title: "State", cell: (queue) => <StateCell queue={queue} /> },
  {
    key: "depth",
    title: "Queued",
    align: "end",
    cell: (queue) => <Queued queue={queue} />,
  },
  { key: "oldest", title: "Oldest wait", align: "end", cell: ({ oldest_wait_ms: ms }) => durationText(ms) },
  {
    key: "scheduled",
    title: "Scheduled",
    align: "end",
    cell: ({ type, scheduled }) => <Link to={jobsOf(type, "scheduled")}>{countText(scheduled)}</Link>,
    isMinor: true,
  },
  {
    key: "retrying",
    title: "Retrying",
    align: "end",
    cell: ({ type, retrying }) => <Link to={jobsOf(type, "retrying")}>{countText(retrying)}</Link>,
    isMinor: true,
  },
  {
    key: "running",
    title: "Running",
    cell: ({ type, running, limit }) => <Meter used={running} limit={limit} label={`Running jobs of ${type}`} />,
  },
  {
    key: "completed",
    title: "Completed per min",
    align: "end",
    cell: ({ counts }) => perMinute(counts?.completed),
    isMinor: true,
  },
  {
    key: "failed",
    title: "Failed per min",
    align: "end",
    cell: ({ counts }) => perMinute(counts?.failed),
    isMinor: true,
  },
  {
    key: "wait",
    title: "Wait p95",
    align: "end",
    cell: ({ counts }) => durationText(counts?.pickup_ms?.p95),
    isMinor: true,
  },
  {
    key: "run",
    title: "Run p95",
    align: "end",
    cell: ({ counts }) => durationText(counts?.run_ms?.p95),
    isMinor: true,
  },
  { key: "replicas", title: "Replicas", align: "end", cell: ({ replicas }) => countText(replicas), isMinor: true },
  { key: "pause", title: "Action", cell: (queue) => <PauseButton queue={queue} /> },
];

/** The jobs in the queue, and below them those that wait for other jobs of their flow. */
function Queued({ queue: { type, depth, waiting } }: { readonly queue: Row }): JSX.Element {
  return (
    <>
      <Link to={jobsOf(type, "queued")}>{countText(depth)}</Link>
      {waiting === 0 ? null : (
        <Link to={jobsOf(type, "waiting")} class="queue-waits" title="They wait for other jobs of their flow">
          {shortCount(waiting)} waiting
        </Link>
      )}
    </>
  );
}

function StateCell({ queue }: { readonly queue: Row }): JSX.Element {
  const { state, paused_reason: reason, replicas } = queue;
  return (
    <>
      <QueueState queue={queue} replicas={replicas} />
      {state === "paused" && reason !== null ? (
        <span class="muted cut queue-reason" title={reason}>
          {reason}
        </span>
      ) : null}
    </>
  );
}
