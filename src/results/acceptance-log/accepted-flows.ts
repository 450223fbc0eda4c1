/** Durable flows: their graphs are committed in the transaction that commits their jobs. */
import type pg from "pg";
import type { FlowGraph, IdRange, NodeState } from "../../core/flows/flow.ts";
import { readSql } from "../../postgres/sql.ts";
import { nameOf } from "../flows/flow-row.ts";

const NEW = readSql(new URL("./flows-new.sql", import.meta.url));
const LOCK = readSql(new URL("./flows-lock.sql", import.meta.url));
const RETRIED = readSql(new URL("./flows-retried.sql", import.meta.url));
const RUN = readSql(new URL("./flows-run.sql", import.meta.url));
const ADDED = readSql(new URL("./flows-added.sql", import.meta.url));

/**
 * The flow of a submission. new: it is submitted · retried: it has ended, and runs again with this graph and these
 * states of its nodes · added: the jobs are added to a batch
 */
export type AcceptedFlow =
  | { readonly kind: "new"; readonly id: string; readonly graph: FlowGraph }
  | { readonly kind: "retried"; readonly id: string; readonly graph: FlowGraph; readonly nodes: readonly NodeState[] }
  | { readonly kind: "added"; readonly id: string; readonly range: IdRange };

type Of<Kind extends AcceptedFlow["kind"]> = Extract<AcceptedFlow, { readonly kind: Kind }>;

/**
 * Writes flows in the caller's transaction. A repeat changes nothing.
 * @returns the retries that do not take place, since the flow runs already
 */
export async function writeFlows(
  client: pg.ClientBase,
  namespace: string,
  flows: readonly AcceptedFlow[],
): Promise<ReadonlySet<AcceptedFlow>> {
  const isOf =
    <Kind extends AcceptedFlow["kind"]>(kind: Kind) =>
    (flow: AcceptedFlow): flow is Of<Kind> =>
      flow.kind === kind;
  await addNew(client, namespace, flows.filter(isOf("new")));
  await addJobs(client, flows.filter(isOf("added")));
  return retry(client, flows.filter(isOf("retried")));
}

async function addNew(client: pg.ClientBase, namespace: string, flows: readonly Of<"new">[]): Promise<void> {
  if (flows.length === 0) return;
  await client.query(NEW, [
    namespace,
    flows.map(({ id }) => id),
    flows.map(({ graph }) => graph.kind),
    flows.map(({ graph }) => nameOf(graph)),
    flows.map(({ graph }) => JSON.stringify(graph)),
  ]);
}

async function addJobs(client: pg.ClientBase, added: readonly Of<"added">[]): Promise<void> {
  if (added.length === 0) return;
  await client.query(ADDED, [
    added.map(({ id }) => id),
    added.map(({ range }) => range.first),
    added.map(({ range }) => range.count),
  ]);
}

async function retry(client: pg.ClientBase, retries: readonly Of<"retried">[]): Promise<ReadonlySet<AcceptedFlow>> {
  if (retries.length === 0) return NONE;
  const ids = retries.map(({ id }) => id);
  const graphs = retries.map(({ graph }) => JSON.stringify(graph));
  await client.query(LOCK, [ids]);
  await client.query(RETRIED, [ids, graphs, retries.map(({ nodes }) => JSON.stringify(nodes))]);
  const { rows } = await client.query<{ id: string; graph: string }>(RUN, [ids, graphs]);
  const running = new Set(rows.map(({ id, graph }) => `${id} ${graph}`));
  return new Set(retries.filter(({ id }, i) => !running.has(`${id} ${graphs[i] ?? ""}`)));
}

const NONE: ReadonlySet<AcceptedFlow> = new Set();
