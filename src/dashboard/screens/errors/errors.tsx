/** Failures grouped by cause: by type, code and signature. A group is opened, and its jobs are run again. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "../../app/keys.ts";
import { href, navigate, route, setQuery } from "../../app/router.ts";
import { BulkDialog } from "../../parts/bulk-dialog.tsx";
import { Button } from "../../parts/button.tsx";
import { countOf } from "../../parts/format.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import type { ShownRange } from "../../parts/range.tsx";
import { RangePicker, useRange } from "../../parts/range.tsx";
import type { Details } from "../../parts/table.tsx";
import { Table } from "../../parts/table.tsx";
import { clockText, dayText } from "../../parts/time.tsx";
import { columnsOf, nameOf } from "./columns.tsx";
import { errorTimes } from "./error-times.ts";
import { GroupDetails } from "./group-details.tsx";
import type { ErrorGroup, GroupFilter } from "./group-filter.ts";
import { filterOfGroup, isOther, noteOf } from "./group-filter.ts";
import type { Sort } from "./group-order.ts";
import { idOfGroup } from "./group-order.ts";
import type { ShownGroups } from "./shown-groups.ts";
import { useShownGroups } from "./shown-groups.ts";
import { TypeAndOrder } from "./type-and-order.tsx";

export function Errors(): JSX.Element {
  const { query } = route();
  const range = useRange("24h");
  const type = query.get("type") ?? undefined;
  const sort: Sort = query.get("sort") === "last" ? "last" : "count";
  const groups = useShownGroups(range, type, sort);
  return (
    <Page title="Errors" actions={<RangePicker otherwise="24h" />}>
      <div class="errors-line">
        <TypeAndOrder type={type} sort={sort} />
        <Pending groups={groups} />
      </div>
      <Loaded of={{ ...groups.resource, data: groups.shown }}>
        {() => <GroupList groups={groups} range={range} type={type} />}
      </Loaded>
    </Page>
  );
}

/** What has changed since the rows were put in their order. */
function Pending({ groups: { shown, update } }: { readonly groups: ShownGroups }): JSX.Element {
  return (
    <span class="new-jobs" role="status">
      {shown?.isStale ? (
        <Button kind={shown.newCount > 0 ? "primary" : "quiet"} onPress={update}>
          {shown.newCount > 0 ? `${shown.newCount} new` : "Sort again"}
        </Button>
      ) : null}
    </span>
  );
}

interface GroupListProps {
  readonly groups: ShownGroups;
  readonly range: ShownRange;
  /** Undefined for all. */
  readonly type: string | undefined;
}

function GroupList({ groups: { resource, shown }, range, type }: GroupListProps): JSX.Element {
  const { rows = [], answer } = shown ?? {};
  const [rerun, setRerun] = useState<ErrorGroup | undefined>(undefined);
  const times = errorTimes(range);
  const filterOf = useRef<(group: ErrorGroup) => GroupFilter>(() => ({
    filters: {},
    text: "",
    also: [],
    isOpen: false,
  }));
  filterOf.current = (group) =>
    filterOfGroup(group, answer?.errors ?? [], { times, isTruncated: answer?.truncated ?? false });
  const openId = route().query.get("open");
  const columns = useMemo(
    () =>
      columnsOf({
        versionSince: answer?.version_since ?? null,
        textOf: (group) => filterOf.current(group).text,
        onRerun: setRerun,
      }),
    [answer?.version_since],
  );
  const details = useMemo(
    (): Details<ErrorGroup> => ({
      toggle: toggleDetails,
      render: (group) => <GroupDetails group={group} filter={filterOf.current(group)} onRerun={setRerun} />,
      labelOf: nameOf,
    }),
    [],
  );
  useGroupKeys(rows, (group) => filterOf.current(group).text, setRerun);
  const { errors = [] } = answer ?? {};
  const failures = errors.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <section class={`errors ${resource.data ? "" : "stale"}`} aria-busy={resource.data === undefined}>
        <Panel title={`${countOf(errors.length, "error")}, ${countOf(failures, "failure")}`} aside={timesText(times)}>
          <Table
            caption="Errors"
            columns={columns}
            rows={rows}
            idOf={idOfGroup}
            details={details}
            openId={openId}
            empty={emptyText(range, type)}
          />
        </Panel>
      </section>
      {answer?.truncated ? (
        <p class="muted">
          These are the {countOf(answer.errors.length, "most frequent error", "most frequent errors")}. Choose a type or
          a shorter range to see the others.
        </p>
      ) : null}
      {rerun ? <Rerun group={rerun} filter={filterOf.current(rerun)} onClose={() => setRerun(undefined)} /> : null}
    </>
  );
}

interface RerunProps {
  readonly group: ErrorGroup;
  readonly filter: GroupFilter;
  readonly onClose: () => void;
}

function Rerun({ filter, onClose }: RerunProps): JSX.Element {
  return <BulkDialog action="retry" filters={filter.filters} note={noteOf(filter)} onClose={onClose} />;
}

function toggleDetails(id: string): void {
  setQuery({ row: id, open: route().query.get("open") === id ? null : id });
}

function useGroupKeys(
  rows: readonly ErrorGroup[],
  textOf: (group: ErrorGroup) => string,
  onRerun: (group: ErrorGroup) => void,
): void {
  const current = (): ErrorGroup | undefined => {
    const id = route().query.get("row");
    return id === null ? undefined : rows.find((group) => idOfGroup(group) === id);
  };
  useKeys("Errors", {
    r: {
      text: "Re-run the jobs of the row",
      run: () => {
        const group = current();
        if (group && !isOther(group)) onRerun(group);
      },
    },
    o: {
      text: "Open the jobs of the row",
      run: () => {
        const group = current();
        if (group) navigate(href(["jobs"], { q: textOf(group) }));
      },
    },
  });
}

/** Errors are counted in whole hours, which the range is extended to. */
function timesText({ from, to }: ReturnType<typeof errorTimes>): string {
  const text = (time: string): string => `${dayText(Date.parse(time))} ${clockText(Date.parse(time)).slice(0, 5)}`;
  return to === undefined ? `Since ${text(from)}` : `${text(from)} – ${text(to)}`;
}

function emptyText({ preset, text }: ShownRange, type: string | undefined): string {
  return `No failures${type === undefined ? "" : ` of ${type}`} in ${preset === undefined ? "this range" : `the ${text}`}.`;
}
