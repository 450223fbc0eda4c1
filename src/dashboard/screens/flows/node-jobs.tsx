/** The jobs of a batch, in the order in which they were submitted, by status and page by page. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Flow, JobSummary, Status } from "../../../client/taskflow.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { firstOf } from "../../data/first-of.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { shortCount } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { STATUSES, Status as StatusMark } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Time } from "../../parts/time.tsx";
import type { NamedNode } from "./flow-nodes.ts";
import { totalOf } from "./flow-nodes.ts";

interface NodeJobsProps {
  readonly flow: Flow;
  /** A batch. */
  readonly node: NamedNode;
  /** The user has just chosen the node, so its jobs are brought into view. */
  readonly isChosen: boolean;
}

const READ_EVERY_MS = 2_000;
const LIMIT = 50;

export function NodeJobs({ flow, node, isChosen }: NodeJobsProps): JSX.Element {
  const { query } = route();
  const status = STATUSES.find((each) => each === query.get("status"));
  const cursor = query.get("cursor") ?? undefined;
  const key = `flow ${flow.id} jobs ${JSON.stringify([node.name, status, cursor])}`;
  const page = useResource(
    key,
    (api, signal) =>
      firstOf(
        api.flows.jobPages(flow.id, { node: node.name, status, cursor, view: "summary", pageSize: LIMIT, signal }),
      ),
    // jobs that leave a status would move the others
    { everyMs: flow.status === "running" && status === undefined ? READ_EVERY_MS : 0 },
  );
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isChosen) return;
    place.current?.scrollIntoView({ block: "start" });
    place.current?.focus({ preventScroll: true });
  }, []);
  const next = page.data?.next_cursor ?? null;
  return (
    <div ref={place} class="node-jobs" tabIndex={-1} role="region" aria-label={`Jobs of ${node.name}`}>
      <Panel
        title={flow.kind === "batch" ? "Jobs" : `Jobs of ${node.name}`}
        aside={
          <div class="actions">
            {status === undefined ? null : (
              <Button kind="quiet" onPress={page.refresh}>
                Refresh
              </Button>
            )}
            <Pages cursor={cursor} next={next} />
          </div>
        }
      >
        <StatusTabs flow={flow} node={node} current={status} />
        <div class="node-job-list">
          <Loaded of={page}>
            {({ jobs }) => (
              <Table
                caption={`Jobs of ${node.name}`}
                columns={COLUMNS}
                rows={jobs}
                idOf={({ id }) => id}
                hrefOf={({ id }) => href(["jobs", id])}
                empty={emptyText(status, next)}
              />
            )}
          </Loaded>
        </div>
      </Panel>
    </div>
  );
}

function emptyText(status: Status | undefined, next: string | null): string {
  if (next !== null) return "No such job on this page. Try the next one.";
  return status === undefined ? "The batch has no jobs." : `No job is ${status}.`;
}

interface StatusTabsProps {
  readonly flow: Flow;
  readonly node: NamedNode;
  readonly current: Status | undefined;
}

function StatusTabs({ flow: { id }, node: { name, counts }, current }: StatusTabsProps): JSX.Element {
  const { query } = route();
  const [view, zoom] = [query.get("view"), query.get("zoom")];
  const known: Readonly<Partial<Record<Status, number>>> = counts ?? {};
  const kept = { ...(view !== null && { view }), ...(zoom !== null && { zoom }), node: name };
  return (
    <Tabs
      label="Status"
      isInPlace
      tabs={[undefined, ...STATUSES].map((status) => {
        const count = status === undefined ? counts && totalOf(counts) : known[status];
        return {
          key: status ?? "all",
          to: href(["flows", id], { ...kept, ...(status && { status }) }),
          text: (
            <>
              {status === undefined ? "All" : status.charAt(0).toUpperCase() + status.slice(1)}
              {count === undefined || count === null ? null : <span class="tab-count">{shortCount(count)}</span>}
            </>
          ),
          isCurrent: status === current,
        };
      })}
    />
  );
}

interface PagesProps {
  readonly cursor: string | undefined;
  readonly next: string | null;
}

/** Cursors lead on only: the browser's history leads back. */
function Pages({ cursor, next }: PagesProps): JSX.Element | null {
  if (cursor === undefined && next === null) return null;
  const go = (to: string | null): void => setQuery({ cursor: to, row: null }, { push: true });
  return (
    <>
      {cursor === undefined ? null : (
        <Button kind="quiet" onPress={() => go(null)}>
          First page
        </Button>
      )}
      <Button kind="quiet" unavailable={next === null ? "There are no more jobs." : undefined} onPress={() => go(next)}>
        Next
      </Button>
    </>
  );
}

const COLUMNS: readonly Column<JobSummary>[] = [
  {
    key: "id",
    title: "Id",
    cell: ({ id }) => (
      <Link to={href(["jobs", id])} class="mono" title={id}>
        {id.slice(-8)}
      </Link>
    ),
  },
  { key: "type", title: "Type", cell: ({ type }) => type, isMinor: true },
  {
    key: "status",
    title: "Status",
    cell: ({ status, progress }) => <StatusMark value={status} progress={progress} />,
  },
  {
    key: "attempt",
    title: "Attempt",
    align: "end",
    cell: ({ attempt, max_attempts: most }) => `${attempt}/${most}`,
    isMinor: true,
  },
  { key: "finished", title: "Finished", align: "end", cell: ({ finished_at: at }) => <Time at={at} /> },
  {
    key: "error",
    title: "Error",
    cell: ({ error }) =>
      error === null ? (
        <span class="muted">–</span>
      ) : (
        <code title={`${error.code}: ${error.message}`}>{error.code}</code>
      ),
  },
];
