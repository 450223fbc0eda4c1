/** The list of jobs: found by one filter text, followed live, selected and acted on. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { readFilterText } from "../../../client/filter-text.ts";
import { href, route, setQuery } from "../../app/router.ts";
import { useResource } from "../../data/resource.ts";
import { valuesIn } from "../../parts/filter-words.ts";
import { Link } from "../../parts/link.tsx";
import { Page } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { STATUSES } from "../../parts/status.tsx";
import { Table } from "../../parts/table.tsx";
import type { ColumnChoice } from "./column-choice.ts";
import { columnsText, DEFAULT_CHOICE, readColumns, rememberColumns, rememberedColumns } from "./column-choice.ts";
import { ColumnMenu } from "./column-menu.tsx";
import { columnsOf, tracksOf, urlOfJob } from "./columns.tsx";
import type { KnownValues } from "./completion.ts";
import { pathsOf } from "./completion.ts";
import { FilterBox } from "./filter-box.tsx";
import type { FoundJobs, FoundPage, ListedJob } from "./found-jobs.ts";
import { useFoundJobs, useLiveRows } from "./found-jobs.ts";
import { PageLine } from "./page-line.tsx";
import type { Selected } from "./selection-bar.tsx";
import { NOTHING_SELECTED, SelectionBar } from "./selection-bar.tsx";
import { SavedViews, StatusTabs } from "./status-tabs.tsx";

const PAGE_SIZE = 50;
const LARGEST_PAGE = 1_000;

export function JobList(): JSX.Element {
  const { query } = route();
  const text = query.get("q")?.trim() ?? "";
  const type = onlyTypeIn(text);
  const columns = query.get("columns");
  const [changes, setChanges] = useState(0); // a change of the remembered columns may leave the URL as it is
  const choice = useMemo(
    () => readColumns(columns) ?? rememberedColumns(type) ?? DEFAULT_CHOICE,
    [columns, type, changes],
  );
  const { data: types = [] } = useResource("types", (api, signal) => api.types({ signal }));
  const paths = useMemo(
    () => [...new Set(types.filter((each) => type === undefined || each.type === type).flatMap(pathsOfType))],
    [types, type],
  );
  const seen = useSeenValues(types.map((each) => each.type));
  const change = (next: ColumnChoice): void => {
    rememberColumns(type, next);
    setChanges(changes + 1);
    setQuery({ columns: columnsText(next) });
  };
  const apply = (next: string): void => setQuery({ q: next, cursor: null, row: null }, { push: true });
  const isValid = !("issues" in readFilterText(text, 0));
  return (
    <Page title="Jobs" actions={<ColumnMenu choice={choice} onChange={change} paths={paths} />}>
      <FilterBox text={text} onApply={apply} known={seen.known} paths={paths} />
      <div class="jobs-tabs">
        <StatusTabs text={text} columns={columns} />
        <SavedViews text={text} columns={columnsText(choice)} />
      </div>
      {isValid ? (
        <FoundList text={text} choice={choice} onSeen={seen.add} />
      ) : (
        <div class="panel empty">The jobs are listed once the filter is correct.</div>
      )}
    </Page>
  );
}

function pathsOfType({ payload_schema: schema }: { readonly payload_schema: unknown }): string[] {
  return pathsOf(schema);
}

function onlyTypeIn(text: string): string | undefined {
  const types = valuesIn(text, "type");
  return types.length === 1 ? types[0] : undefined;
}

interface FoundListProps {
  /** A filter text without issues. */
  readonly text: string;
  readonly choice: ColumnChoice;
  readonly onSeen: (jobs: readonly ListedJob[]) => void;
}

function FoundList({ text, choice, onSeen }: FoundListProps): JSX.Element {
  const { query } = route();
  const found = useFoundJobs({
    text,
    cursor: query.get("cursor") ?? undefined,
    limit: limitOf(query.get("limit")),
    needsPayload: choice.paths.length > 0,
  });
  const page = useLastPage(text, found);
  const jobs = useLiveRows(page);
  // a selection is for one filter: with another, nothing is selected
  const [selection, setSelection] = useState({ text, selected: NOTHING_SELECTED });
  const selected = selection.text === text ? selection.selected : NOTHING_SELECTED;
  const select = (next: Selected): void => setSelection({ text, selected: next });
  const change = (chosen: ReadonlySet<string>): void => select({ kind: "jobs", ids: chosen });
  const columns = useMemo(() => columnsOf(choice), [choice]);
  const tracks = useMemo(() => tracksOf(columns), [columns]);
  useMemo(() => onSeen(jobs), [page]);
  const ids = selected.kind === "all" ? new Set(jobs.map(({ id }) => id)) : selected.ids;
  const isSelecting = selected.kind === "all" || ids.size > 0;
  return (
    <>
      <PageLine found={found} page={page} />
      <section
        class={`panel jobs-table ${found.data ? "" : "stale"}`}
        aria-busy={found.data === undefined}
        style={{ "--tracks": tracks.all, "--narrow-tracks": tracks.narrow }}
      >
        <Loaded of={{ ...found, data: page }}>
          {() => (
            <Table
              caption="Jobs, newest first"
              columns={columns}
              rows={jobs}
              idOf={idOf}
              hrefOf={urlOfJob}
              selection={{ ids, change }}
              empty={<Empty text={text} found={found} />}
            />
          )}
        </Loaded>
      </section>
      {isSelecting ? <SelectionBar text={text} selected={selected} onChange={select} jobs={jobs} /> : null}
    </>
  );
}

/** The page before stays until the next one has come. With an error, it would pass for the jobs of another filter. */
function useLastPage(text: string, { data, error }: FoundJobs): FoundPage | undefined {
  const last = useRef<{ readonly text: string; readonly page: FoundPage } | undefined>(undefined);
  if (data) last.current = { text, page: data };
  return error && last.current?.text !== text ? undefined : last.current?.page;
}

function idOf({ id }: ListedJob): string {
  return id;
}

/** The page size of the URL, within what the server allows. */
function limitOf(text: string | null): number {
  const limit = text !== null && /^\d{1,6}$/.test(text) ? Number(text) : PAGE_SIZE;
  return Math.min(LARGEST_PAGE, Math.max(1, limit));
}

function Empty({ text, found }: { readonly text: string; readonly found: FoundJobs }): JSX.Element {
  const { data, query } = found;
  if (data?.next) return <>No job was found yet. Search on, or narrow the filter.</>;
  if (query.cursor !== undefined) return <>There are no more jobs.</>;
  if (text !== "") return <>No job matches this filter.</>;
  return (
    <>
      There are no jobs yet. <Link to={href(["new"])}>Submit one</Link>
    </>
  );
}

interface SeenValues {
  readonly known: () => KnownValues;
  readonly add: (jobs: readonly ListedJob[]) => void;
}

/** The values that the filter box offers: those of the jobs that were listed, and those that are always there. */
function useSeenValues(types: readonly string[]): SeenValues {
  const [seen] = useState(() => ({ tag: new Set<string>(), group: new Set<string>(), worker: new Set<string>() }));
  const [codes] = useState(() => new Set<string>());
  const { data: errors } = useResource("error codes", (api, signal) => api.errors({ signal }));
  for (const { code } of errors?.errors ?? []) codes.add(code);
  const add = (jobs: readonly ListedJob[]): void => {
    for (const { tags, group_key: group, worker, error } of jobs) {
      for (const tag of tags) seen.tag.add(tag);
      if (group !== null) seen.group.add(group);
      if (worker !== null) seen.worker.add(worker);
      if (error !== null) codes.add(error.code);
    }
  };
  return {
    known: () => ({
      status: STATUSES,
      type: types,
      tag: [...seen.tag],
      group: [...seen.group],
      worker: [...seen.worker],
      code: [...codes],
    }),
    add,
  };
}
