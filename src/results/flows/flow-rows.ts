/**
 * Reads of flows for the restore (replica/maintenance/flow-restore.ts), on the connection of the replica that leads it.
 */
import { at } from "../../core/at.ts";
import type { FlowGraph, FlowNode, FlowState, IdRange } from "../../core/flows/flow.ts";
import { counterOf, idAt, lastOf, slicesOf } from "../../core/flows/id-ranges.ts";
import type { Submission } from "../../core/job.ts";
import { readSql } from "../../postgres/sql.ts";
import { submissionOf } from "../acceptance-log/stored-submission.ts";
import type { FlowRow } from "./flow-row.ts";
import { flowOf } from "./flow-row.ts";
import { saveFlows } from "./save-flows.ts";

const GET = readSql(new URL("./get.sql", import.meta.url));
const RUNNING = readSql(new URL("./running.sql", import.meta.url));
const ENDED = readSql(new URL("./ended.sql", import.meta.url));
const FIRST_FAILED = readSql(new URL("./first-failed.sql", import.meta.url));
const KEPT = readSql(new URL("./kept.sql", import.meta.url));
const SIZES = readSql(new URL("../acceptance-log/sizes.sql", import.meta.url));
const ADDITIONS = readSql(new URL("./additions.sql", import.meta.url));
const WITHDRAW = readSql(new URL("../acceptance-log/withdraw.sql", import.meta.url));
const SUBMISSIONS = readSql(new URL("../acceptance-log/submissions.sql", import.meta.url));

/** Ids that one statement looks up: some 20 ms. */
export const SLICE = 10_000;
/** Of a result or an error that other nodes refer to, in bytes. */
const MAX_KEPT = 256 * 1024;
/** Characters of a job in the reply of ended.sql. */
const ENTRY = 9;

type Query = <Row extends object>(sql: string, values: readonly unknown[]) => Promise<Row[]>;

/** Ids of a node, and which of their jobs have ended. */
export interface JobSlice {
  readonly node: number;
  readonly range: IdRange;
  /** By the position in the range: 1 for a job that has ended. */
  readonly ended: Uint8Array;
}

/** What the rows tell of a node. */
interface EndedNode {
  completed: number;
  failed: number;
  cancelled: number;
  /** The job that failed first, else one that was cancelled. */
  cause?: string;
}

export interface EndedOfFlow {
  /** By the index of the node; only nodes of which jobs have ended. */
  readonly nodes: Map<number, EndedNode>;
  readonly slices: readonly JobSlice[];
}

/** A result or an error that other nodes refer to, as JSON; "" for one that is too large. */
export interface KeptValues {
  readonly node: number;
  readonly result?: string;
  readonly error?: string;
}

export class FlowRows {
  readonly #query: Query;
  readonly #namespace: string;

  constructor(query: Query, namespace: string) {
    this.#query = query;
    this.#namespace = namespace;
  }

  /** The ids of durable flows that run, above one id and below another, in their order. */
  async running(above: string, below: string, limit: number): Promise<string[]> {
    return (await this.#query<{ id: string }>(RUNNING, [this.#namespace, above, below, limit])).map(({ id }) => id);
  }

  /** The flows of these ids that have a row; graphs of batches that run have the jobs that were added. */
  async get(ids: readonly string[]): Promise<FlowState[]> {
    return ids.length === 0 ? [] : (await this.#query<FlowRow>(GET, [ids])).map(flowOf);
  }

  /** Which jobs of a flow have a row. */
  async ended({ nodes }: FlowGraph): Promise<EndedOfFlow> {
    const slices = nodes.flatMap(({ ids }, node) =>
      [...slicesOf(ids, SLICE)].map((range): JobSlice => ({ node, range, ended: new Uint8Array(range.count) })),
    );
    const found: EndedOfFlow = { nodes: new Map(), slices };
    for (const part of statementsOf(slices)) {
      const rows = await this.#query<{ nth: number; jobs: string }>(ENDED, boundsOf(part.map(({ range }) => range)));
      for (const { nth, jobs } of rows) note(found.nodes, at(part, nth - 1), jobs);
    }
    for (const [node, ended] of found.nodes) {
      const { type, ids } = at(nodes, node);
      if (type === null && ended.failed > 0) ended.cause = (await this.#firstFailed(ids))?.id ?? ended.cause ?? "";
    }
    return found;
  }

  /** The results and errors that other nodes refer to, of the nodes of which jobs have ended. */
  async kept({ nodes }: FlowGraph, ended: EndedOfFlow["nodes"]): Promise<KeptValues[]> {
    const referred = [...ended.keys()].filter((node) => at(nodes, node).keeps);
    const batches = referred.filter((node) => at(nodes, node).type === null && (ended.get(node)?.failed ?? 0) > 0);
    const kept: KeptValues[] = [];
    for (const node of batches) kept.push({ node, error: (await this.#firstFailed(at(nodes, node).ids))?.error ?? "" });
    const nodeOf = new Map(
      referred.filter((node) => at(nodes, node).type !== null).map((node) => [idOf(at(nodes, node)), node]),
    );
    if (nodeOf.size === 0) return kept;
    const ids = [...nodeOf.keys()].sort();
    type Row = { id: string; result: string | null; error: string | null };
    for (const { id, result, error } of await this.#query<Row>(KEPT, [ids, ids[0], ids.at(-1), MAX_KEPT]))
      kept.push({ node: nodeOf.get(id) ?? 0, ...(result !== null && { result }), ...(error !== null && { error }) });
    return kept;
  }

  /** The bytes of the submissions of these jobs, recorded or not; without those that are not in the acceptance log. */
  async sizes(ids: readonly string[]): Promise<{ readonly id: string; readonly bytes: number }[]> {
    return ids.length === 0 ? [] : this.#query(SIZES, bounded(ids));
  }

  /** The submissions of these jobs, recorded or not, in the order of ids. */
  async submissions(ids: readonly string[]): Promise<{ readonly id: string; readonly submission: Submission }[]> {
    if (ids.length === 0) return [];
    const rows = await this.#query<{ id: string; submission: string }>(SUBMISSIONS, bounded(ids));
    return rows.map(({ id, submission }) => ({ id, submission: submissionOf(id, submission) }));
  }

  /** The ids of jobs that were committed for a batch and that the graph of its row lacks. */
  additions(batch: string): Promise<IdRange[]> {
    return this.#query<IdRange>(ADDITIONS, [batch]);
  }

  /** As {@link FlowStore.save}. */
  save(flows: readonly FlowState[]): Promise<void> {
    return saveFlows(this.#query, this.#namespace, flows);
  }

  /** As {@link Store.withdraw}; a key stays in use. */
  async withdraw(batch: string, ids: readonly string[]): Promise<void> {
    await this.#query(WITHDRAW, [batch, ids, ids[0], ids.at(-1), null]);
  }

  async #firstFailed(
    ids: readonly IdRange[],
  ): Promise<{ readonly id: string; readonly error: string | null } | undefined> {
    return (await this.#query<{ id: string; error: string | null }>(FIRST_FAILED, [...boundsOf(ids), MAX_KEPT]))[0];
  }
}

function idOf({ ids }: FlowNode): string {
  return at(ids, 0).first;
}

/** Slices that one statement looks up. */
function* statementsOf(slices: readonly JobSlice[]): Generator<JobSlice[]> {
  let part: JobSlice[] = [];
  let count = 0;
  for (const slice of slices) {
    if (count > 0 && count + slice.range.count > SLICE) {
      yield part;
      [part, count] = [[], 0];
    }
    part.push(slice);
    count += slice.range.count;
  }
  if (count > 0) yield part;
}

/** The first parameters of ended.sql and first-failed.sql. */
function boundsOf(ranges: readonly IdRange[]): unknown[] {
  const firsts = ranges.map(({ first }) => first);
  const lasts = ranges.map(lastOf);
  return [firsts, lasts, [...firsts].sort()[0], [...lasts].sort().at(-1)];
}

function bounded(ids: readonly string[]): unknown[] {
  const sorted = [...ids].sort();
  return [sorted, sorted[0], sorted.at(-1)];
}

function note(nodes: Map<number, EndedNode>, { node, range, ended }: JobSlice, jobs: string): void {
  const counts = nodes.get(node) ?? { completed: 0, failed: 0, cancelled: 0 };
  nodes.set(node, counts);
  const start = counterOf(range.first);
  let first = Number.POSITIVE_INFINITY;
  for (let from = 0; from < jobs.length; from += ENTRY) {
    const position = Number.parseInt(jobs.slice(from + 1, from + ENTRY), 16) - start;
    ended[position] = 1;
    const code = jobs[from];
    if (code === "c") counts.completed += 1;
    else if (code === "f") counts.failed += 1;
    else counts.cancelled += 1;
    if (code !== "c") first = Math.min(first, position);
  }
  if (first < range.count) counts.cause ??= idAt(range, first);
}
