/** Jobs that were accepted after the list was read: counted here, shown when the user wishes. */
import type { JSX } from "preact";
import { readFilterText } from "../../../client/filter-text.ts";
import type { ListFilters, TaskFlow } from "../../../client/taskflow.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import type { FoundJobs } from "./found-jobs.ts";

const EVERY_MS = 3_000;
const MOST = 100;
/** In an empty list there is no newest job: the time of reading replaces it, less the difference of the clocks. */
const CLOCKS_MS = 60_000;

export function NewJobs({ found }: { readonly found: FoundJobs }): JSX.Element | null {
  const { query, data, readAt = 0, refresh } = found;
  const newest = data?.jobs[0];
  const after = newest?.created_at ?? new Date(readAt - CLOCKS_MS).toISOString();
  const key = `newer ${newest?.id ?? readAt} ${query.text}`;
  const { data: count = 0 } = useResource(
    key,
    (api, signal) => countNewer(api, query.text, { id: newest?.id ?? "", after }, signal),
    { everyMs: EVERY_MS },
  );
  return (
    <span class="new-jobs" role="status">
      {count === 0 ? null : (
        <Button
          kind="primary"
          onPress={() => {
            refresh();
            window.scrollTo({ top: 0 });
          }}
        >
          {count > MOST ? `${MOST}+ new` : `${count} new`}
        </Button>
      )}
    </span>
  );
}

/** @returns how many jobs are newer, {@link MOST} + 1 for more */
async function countNewer(
  api: TaskFlow,
  text: string,
  { id, after }: { readonly id: string; readonly after: string },
  signal: AbortSignal,
): Promise<number> {
  const read = readFilterText(text, Date.now());
  if ("issues" in read) return 0;
  const filters: ListFilters = { ...read.filters, createdAfter: later(read.filters.createdAfter, after) };
  // one more than MOST, for the job that is the newest one of the list
  const page = await api.pages({ ...filters, view: "summary", pageSize: MOST + 2, signal }).next();
  return page.value ? Math.min(MOST + 1, page.value.jobs.filter((job) => job.id > id).length) : 0;
}

function later(given: ListFilters["createdAfter"], after: string): string {
  const time = typeof given === "string" ? given : undefined;
  return time !== undefined && Date.parse(time) > Date.parse(after) ? time : after;
}
