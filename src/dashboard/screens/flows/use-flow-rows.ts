/** The flows of a page of the list, as they change. */
import { useEffect, useState } from "preact/hooks";
import type { FlowPage, FlowSummary } from "../../../client/taskflow.ts";
import { client } from "../../data/session.ts";
import { rowsAfter, withStates } from "./flow-rows.ts";

interface ShownFlows {
  readonly shown: readonly FlowSummary[];
  readonly newer: number;
  readonly showNewer: () => void;
}

interface Shown {
  readonly key: string;
  readonly rows: readonly FlowSummary[];
  readonly newer: number;
}

/** @param key names the page: another page, or other filters, are another list */
export function useFlowRows(page: FlowPage | undefined, key: string): ShownFlows {
  const [shown, setShown] = useState<Shown>({ key, rows: [], newer: 0 });
  useEffect(() => {
    if (!page) return undefined;
    const abort = new AbortController();
    const next = rowsAfter(shown.key === key ? shown.rows : [], page.flows);
    setShown({ key, rows: next.shown, newer: next.newer });
    if (next.missing.length > 0)
      readAll(next.missing, abort.signal).then(
        (states) => setShown((now) => (now.key === key ? { ...now, rows: withStates(now.rows, states) } : now)),
        () => undefined, // they are read again after the next answer
      );
    return () => abort.abort();
  }, [page, key]);
  const isCurrent = shown.key === key && shown.rows.length > 0;
  return {
    shown: isCurrent ? shown.rows : (page?.flows ?? []),
    newer: isCurrent ? shown.newer : 0,
    showNewer: () => setShown({ key, rows: page?.flows ?? [], newer: 0 }),
  };
}

function readAll(ids: readonly string[], signal: AbortSignal): Promise<FlowSummary[]> {
  return Promise.all(ids.map((id) => client().flows.get(id, { signal })));
}
