/** Writes flows that have ended into Postgres. */
import { batchLength } from "../../core/batch-limits.ts";
import type { FlowState } from "../../core/flows/flow.ts";
import { readSql } from "../../postgres/sql.ts";
import type { WrittenFlow } from "./flow-row.ts";
import { columnsOf, writtenFlow } from "./flow-row.ts";

const SAVE = readSql(new URL("./save.sql", import.meta.url));

/** Of one statement: a graph of 1,000 nodes has some 200 KB. */
const LIMITS = { maxItems: 1_000, maxSize: 4 * 1024 * 1024 };

export async function saveFlows(
  query: (sql: string, values: readonly unknown[]) => Promise<unknown>,
  namespace: string,
  flows: readonly FlowState[],
): Promise<void> {
  const written = [...new Map(flows.map((flow) => [flow.id, flow])).values()].map(writtenFlow);
  while (written.length > 0) {
    const part = written.splice(0, batchLength(written, LIMITS, sizeOf));
    await query(SAVE, [namespace, ...columnsOf(part)]);
  }
}

function sizeOf({ graph, nodes }: WrittenFlow): number {
  return graph.length + nodes.length;
}
