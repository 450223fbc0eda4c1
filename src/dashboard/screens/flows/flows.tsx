/** The flows and batches, with their jobs by status. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { href, route, setQuery } from "../../app/router.ts";
import { firstOf } from "../../data/first-of.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { countText } from "../../parts/format.ts";
import { Page, Panel } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { Table } from "../../parts/table.tsx";
import { COLUMNS } from "./columns.tsx";
import { FirstFlow } from "./first-flow.tsx";
import { FlowFilters, filtersOf } from "./flow-filters.tsx";
import { useFlowRows } from "./use-flow-rows.ts";

const READ_EVERY_MS = 2_000;
const LIMIT = 50;

export function Flows(): JSX.Element {
  const { query } = route();
  const filters = useMemo(() => filtersOf(query), [query]);
  const key = `flows ${JSON.stringify(filters)}`;
  const page = useResource(key, (api, signal) => firstOf(api.flows.pages({ ...filters, pageSize: LIMIT, signal })), {
    everyMs: READ_EVERY_MS,
  });
  const { shown, newer, showNewer } = useFlowRows(page.data, key);
  const isFiltered = Object.keys(filters).length > 0;
  const isEmpty = page.data !== undefined && shown.length === 0 && page.data.next_cursor === null && !isFiltered;
  return (
    <Page title="Flows">
      <Loaded of={page}>
        {({ next_cursor: next }) =>
          isEmpty ? (
            <FirstFlow />
          ) : (
            <>
              <FlowFilters {...filters} />
              <Panel
                title="Newest first"
                aside={
                  <div class="actions">
                    {newer > 0 && filters.cursor === undefined ? (
                      <Button onPress={showNewer}>{countText(newer)} new</Button>
                    ) : null}
                    <Pages cursor={filters.cursor} next={next} />
                  </div>
                }
              >
                <div class="flows">
                  <Table
                    caption="Flows and batches"
                    columns={COLUMNS}
                    rows={shown}
                    idOf={({ id }) => id}
                    hrefOf={({ id }) => href(["flows", id])}
                    empty={
                      next === null ? "No flow matches these filters." : "No match on this page. Try the next one."
                    }
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
    <>
      {cursor === undefined ? null : (
        <Button kind="quiet" onPress={() => go(null)}>
          Newest
        </Button>
      )}
      <Button
        kind="quiet"
        unavailable={next === null ? "There are no older flows." : undefined}
        onPress={() => go(next)}
      >
        Older
      </Button>
    </>
  );
}
