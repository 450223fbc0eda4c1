/** Prints the jobs of a flow or batch, as a table or as lines of JSON. */
import type { Job, Status } from "../client/contract.ts";
import type { JobSummary } from "../client/taskflow.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { JOB_COLUMNS } from "./job-text.ts";
import { tablePrinter } from "./table.ts";

/** The number of rows that are aligned together. */
const ROWS_AT_ONCE = 100;
const MAX_PAGE = 1_000;

export interface PrintedJobsOptions {
  readonly limit: number;
  readonly status?: Status;
}

export interface PageOptions {
  readonly status: Status | undefined;
  /** The table needs no payloads. */
  readonly view: "full" | "summary";
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

export async function printJobs(
  { terminal, isJson, signal }: Invocation,
  read: (options: PageOptions) => AsyncIterable<Job | JobSummary>,
  { limit, status }: PrintedJobsOptions,
): Promise<number> {
  const print = tablePrinter(terminal, JOB_COLUMNS);
  let rows: JobSummary[] = [];
  let count = 0;
  const view = isJson ? "full" : "summary";
  for await (const job of read({ status, view, pageSize: Math.min(limit, MAX_PAGE), signal })) {
    count += 1;
    if (isJson) printJson(terminal, job);
    else rows.push(job);
    if (rows.length === ROWS_AT_ONCE) {
      print(rows);
      rows = [];
    }
    if (count >= limit) break;
  }
  if (rows.length > 0) print(rows);
  if (count === 0 && !isJson) terminal.err.write("No jobs.\n");
  return IN_ORDER;
}
