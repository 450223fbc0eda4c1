/** The schedules: the next tick of each, and the outcomes of the last ones. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { firstOf } from "../../data/first-of.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { Column } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { columnsOf } from "./columns.tsx";
import { FirstSchedule } from "./first-schedule.tsx";
import { NewLink } from "./new-link.tsx";
import { NewSchedule } from "./new-schedule.tsx";
import { ScheduleFilters } from "./schedule-filters.tsx";

const READ_EVERY_MS = 2_000;
const READ_RECENT_EVERY_MS = 15_000;
const LIMIT = 50;

export function Schedules(): JSX.Element {
  return route().query.get("view") === "new" ? <NewSchedule /> : <ScheduleList />;
}

interface Filters {
  readonly type?: string;
  readonly state?: Schedule["state"];
  readonly tag?: string;
  readonly cursor?: string;
}

const STATES: readonly Schedule["state"][] = ["active", "paused", "ended"];

function filtersOf(query: URLSearchParams): Filters {
  const [type, tag, cursor] = ["type", "tag", "cursor"].map((name) => query.get(name) ?? undefined);
  const state = STATES.find((each) => each === query.get("state"));
  return { ...(type && { type }), ...(state && { state }), ...(tag && { tag }), ...(cursor && { cursor }) };
}

function ScheduleList(): JSX.Element {
  const { query } = route();
  const filters = useMemo(() => filtersOf(query), [query]);
  const isFiltered = Object.keys(filters).length > 0;
  const page = useResource(
    `schedules ${JSON.stringify(filters)}`,
    (api, signal) => firstOf(api.schedulePages({ ...filters, pageSize: LIMIT, signal })),
    { everyMs: READ_EVERY_MS },
  );
  const columns = useColumns(filters);
  const isEmpty = page.data !== undefined && page.data.schedules.length === 0 && !isFiltered;
  return (
    <Page title="Schedules" actions={isEmpty ? undefined : <NewLink />}>
      <Loaded of={page}>
        {({ schedules, next_cursor: next }) =>
          isEmpty ? (
            <FirstSchedule />
          ) : (
            <>
              <ScheduleFilters {...filters} />
              <Panel title="By name" aside={<Pages cursor={filters.cursor} next={next} />}>
                <div class="schedules">
                  <Table
                    caption="Schedules"
                    columns={columns}
                    rows={schedules}
                    idOf={({ name }) => name}
                    hrefOf={({ name }) => href(["schedules", name])}
                    empty="No schedule matches these filters."
                  />
                </div>
              </Panel>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The ticks of the last day are read less often than the schedules: they are long. */
function useColumns(filters: Filters): readonly Column<Schedule>[] {
  const { data } = useResource(
    `schedules-recent ${JSON.stringify(filters)}`,
    (api, signal) => firstOf(api.schedulePages({ ...filters, pageSize: LIMIT, recentTicks: true, signal })),
    { everyMs: READ_RECENT_EVERY_MS },
  );
  return useMemo(() => {
    const recent = new Map(data?.schedules.map(({ name, recent_ticks: ticks }) => [name, ticks]));
    return columnsOf((name) => recent.get(name));
  }, [data]);
}

interface PagesProps {
  readonly cursor: string | undefined;
  readonly next: string | null;
}

/** Cursors lead on only: the browser's history leads back. */
function Pages({ cursor, next }: PagesProps): JSX.Element | null {
  if (cursor === undefined && next === null) return null;
  const go = (to: string | null): void => {
    setQuery({ cursor: to, row: null }, { push: true });
    window.scrollTo({ top: 0 });
  };
  return (
    <div class="actions">
      {cursor === undefined ? null : (
        <Button kind="quiet" onPress={() => go(null)}>
          First page
        </Button>
      )}
      <Button
        kind="quiet"
        unavailable={next === null ? "There are no more schedules." : undefined}
        onPress={() => go(next)}
      >
        Next
      </Button>
    </div>
  );
}
