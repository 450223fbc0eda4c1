/** The runs of a schedule, with their jobs. New ones wait behind a button. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ScheduleRun, ScheduleRunPage } from "../../../client/taskflow.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { firstOf } from "../../data/first-of.ts";
import { useLiveJobs } from "../../data/live.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { isFinished, Status } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { exactTime, Time } from "../../parts/time.tsx";
import { OutcomeMark } from "./outcome.tsx";
import { reasonText } from "./reason-text.ts";

const READ_EVERY_MS = 2_000;
const LIMIT = 25;

interface RunsPanelProps {
  readonly name: string;
  /** RFC 3339; undefined before the first tick. */
  readonly lastTick: string | undefined;
}

export function RunsPanel({ name, lastTick }: RunsPanelProps): JSX.Element {
  const cursor = route().query.get("cursor") ?? undefined;
  const page = useResource(
    `schedule-runs ${name} ${cursor ?? ""}`,
    (api, signal) => firstOf(api.scheduleRunPages(name, { pageSize: LIMIT, cursor, signal })),
    { everyMs: READ_EVERY_MS },
  );
  const { shown, newer, showAll } = useSettled(page.data, cursor ?? "");
  useEffect(() => {
    if (page.data) page.refresh(); // the schedule has another tick than the list
  }, [lastTick]);
  const unfinished = shown.filter(({ job_status: status }) => status !== null && !isFinished(status));
  useLiveJobs(
    unfinished.flatMap(({ job_id: id }) => id ?? []),
    { onChange: page.refresh, onGap: page.refresh },
  );
  return (
    <Panel
      title="Runs"
      aside={
        <div class="actions">
          {newer > 0 ? <Button onPress={showAll}>{countText(newer)} new</Button> : null}
          <Pages cursor={cursor} next={page.data?.next_cursor ?? null} />
        </div>
      }
    >
      <div class="schedule-runs">
        <Loaded of={page}>
          {() => (
            <Table
              caption="Runs"
              columns={COLUMNS}
              rows={shown}
              idOf={idOf}
              empty="No tick yet. The runs appear here."
            />
          )}
        </Loaded>
      </div>
    </Panel>
  );
}

const idOf = ({ kind, tick, job_id: job }: ScheduleRun): string => `${tick} ${kind} ${job ?? ""}`;

interface Settled {
  readonly shown: readonly ScheduleRun[];
  /** How many newer runs wait. */
  readonly newer: number;
  readonly showAll: () => void;
}

/** The runs that the user looks at, with the present status of their jobs. */
function useSettled(data: ScheduleRunPage | undefined, page: string): Settled {
  const [seen, setSeen] = useState<{ readonly page: string; readonly ids: ReadonlySet<string> } | undefined>(undefined);
  const runs = data?.runs ?? [];
  const isSeen = seen !== undefined && seen.page === page && seen.ids.size > 0;
  const accept = (): void => setSeen({ page, ids: new Set(runs.map(idOf)) });
  useEffect(() => {
    if (data && !isSeen) accept();
  }, [data, isSeen]);
  if (!isSeen) return { shown: runs, newer: 0, showAll: accept };
  const first = runs.findIndex((run) => seen.ids.has(idOf(run)));
  // a whole page of new runs: the ones before are on the next page
  if (first === -1) return { shown: runs, newer: 0, showAll: accept };
  return { shown: runs.slice(first), newer: first, showAll: accept };
}

function Pages({
  cursor,
  next,
}: {
  readonly cursor: string | undefined;
  readonly next: string | null;
}): JSX.Element | null {
  if (cursor === undefined && next === null) return null;
  const go = (to: string | null): void => setQuery({ cursor: to, row: null }, { push: true });
  return (
    <>
      {cursor === undefined ? null : (
        <Button kind="quiet" onPress={() => go(null)}>
          Newest
        </Button>
      )}
      <Button
        kind="quiet"
        unavailable={next === null ? "There are no older runs." : undefined}
        onPress={() => go(next)}
      >
        Older
      </Button>
    </>
  );
}

const COLUMNS: readonly Column<ScheduleRun>[] = [
  {
    key: "tick",
    title: "Tick",
    cell: ({ tick }) => (
      <span class="run-tick" title={exactTime(Date.parse(tick))}>
        {exactTime(Date.parse(tick)).slice(0, 19)}{" "}
        <span class="muted minor">
          <Time at={tick} />
        </span>
      </span>
    ),
  },
  {
    key: "outcome",
    title: "Outcome",
    cell: ({ outcome, ticks, reason, kind }) => (
      <>
        <OutcomeMark value={outcome} ticks={ticks} />
        {kind === "tick" ? null : <span class="tag run-kind">{kind}</span>}
        {reason === null ? null : <span class="muted schedule-note run-reason">{reasonText(reason)}</span>}
      </>
    ),
  },
  {
    key: "job",
    title: "Job",
    cell: ({ job_id: id, job_status: status }) =>
      id === null ? (
        <span class="muted">–</span>
      ) : (
        <Link to={href(["jobs", id])} class="run-job" title={id}>
          {status === null ? <span class="mono">{id.slice(0, 8)}</span> : <Status value={status} />}
        </Link>
      ),
  },
];
