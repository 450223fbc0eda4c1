/** The line above the table: what was found, what is new, and the pages. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { route, setQuery } from "../../app/router.ts";
import { Button } from "../../parts/button.tsx";
import { countOf, countText } from "../../parts/format.ts";
import type { FoundJobs, FoundPage } from "./found-jobs.ts";
import { NewJobs } from "./new-jobs.tsx";

interface PageLineProps {
  readonly found: FoundJobs;
  /** The page that is shown; undefined before the first. */
  readonly page: FoundPage | undefined;
}

export function PageLine({ found, page }: PageLineProps): JSX.Element {
  const { query, data } = found;
  const isFirst = query.cursor === undefined;
  // cursors lead on only: the way back is remembered
  const trail = useRef(new Map<string, string | null>()).current;
  const before = query.cursor === undefined ? undefined : trail.get(query.cursor);
  const go = (cursor: string | null): void => {
    setQuery({ cursor, row: null }, { push: true });
    window.scrollTo({ top: 0 });
  };
  const next = data?.next ?? null;
  const goOn = (): void => {
    if (next === null) return;
    trail.set(next, route().query.get("cursor"));
    go(next);
  };
  const isShort = data !== undefined && next !== null && data.jobs.length < query.limit;
  return (
    <div class="page-line">
      <span class="page-found muted">{page ? foundText(page, query.limit) : ""}</span>
      {isFirst && data ? <NewJobs found={found} /> : null}
      <div class="actions">
        {isShort ? <Button onPress={found.searchOn}>Search on</Button> : null}
        {isFirst ? null : (
          <>
            <Button kind="quiet" onPress={() => go(null)}>
              First page
            </Button>
            <Button
              kind="quiet"
              unavailable={before === undefined ? "The page was opened by a link: go to the first page." : undefined}
              onPress={() => go(before ?? null)}
            >
              Previous
            </Button>
          </>
        )}
        {isFirst && next === null ? null : (
          <Button kind="quiet" unavailable={next === null ? "There are no more jobs." : undefined} onPress={goOn}>
            Next
          </Button>
        )}
      </div>
    </div>
  );
}

/** `50 jobs on this page`, or `12 found, 40,000 searched` where the server examined more than it found. */
function foundText({ jobs, examined, next }: FoundPage, limit: number): string {
  if (examined <= jobs.length + 1 || (jobs.length >= limit && examined <= 2 * limit))
    // the tabs have the count of all: without these words, this one would look like it
    return next === null ? countOf(jobs.length, "job") : `${countOf(jobs.length, "job")} on this page`;
  return `${countText(jobs.length)} found, ${countText(examined)} searched${next === null ? ", to the end" : ""}`;
}
