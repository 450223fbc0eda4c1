/** `taskflow list` */

import type { Command } from "commander";
import type { JobSummary } from "../client/taskflow.ts";
import { countBetween } from "./count-option.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { FilterOptions } from "./filter-options.ts";
import { addFilterOptions, filtersOf } from "./filter-options.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { JOB_COLUMNS } from "./job-text.ts";
import { tablePrinter } from "./table.ts";

/** The number of rows that are aligned together. A longer cell in a later row widens the table from that row on. */
const ROWS_AT_ONCE = 100;
const DEFAULT_LIMIT = 50;
const MAX_PAGE = 1_000;

interface ListOptions extends FilterOptions {
  readonly limit?: number;
  readonly all?: true;
}

export function addListCommand(program: Command, act: Act): void {
  const command = program
    .command("list")
    .summary("lists jobs, newest first")
    .description(
      `Lists live and finished jobs, newest first; ${DEFAULT_LIMIT} of them by default. With --json, one job per line.`,
    );
  addFilterOptions(command)
    .option("--limit <n>", `list at most n jobs (default ${DEFAULT_LIMIT})`, countBetween(1, 999_999_999))
    .option("--all", "list all of them")
    .action(act(list));
}

async function list({ client, terminal, isJson, signal }: Invocation, options: ListOptions): Promise<number> {
  const { all = false } = options;
  const limit = all ? Infinity : (options.limit ?? DEFAULT_LIMIT);
  const filters = filtersOf(options);
  const print = tablePrinter(terminal, JOB_COLUMNS);
  let rows: JobSummary[] = [];
  let [count, examined] = [0, 0];
  const view = isJson ? "full" : "summary"; // the table needs no payloads
  pages: for await (const page of client.pages({ ...filters, view, pageSize: Math.min(limit, MAX_PAGE), signal })) {
    examined += page.examined;
    for (const job of page.jobs) {
      count += 1;
      if (isJson) printJson(terminal, job);
      else rows.push(job);
      if (rows.length === ROWS_AT_ONCE) {
        print(rows);
        rows = [];
      }
      if (count >= limit) break pages;
    }
  }
  if (rows.length > 0) print(rows);
  if (isJson) return IN_ORDER;
  if (filters.payload !== undefined || filters.q !== undefined)
    terminal.err.write(`${count} found, ${examined} examined\n`);
  else if (count === 0) terminal.err.write("No jobs.\n");
  return IN_ORDER;
}
