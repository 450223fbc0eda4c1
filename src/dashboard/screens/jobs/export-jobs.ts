/** Exports jobs as a CSV file: a job of type data_export, which writes it on the server. */

import type { Job, ListFilters, PayloadOf, Status } from "../../../client/taskflow.ts";
import { filtersWireOf } from "../../../client/wire.ts";
import { client } from "../../data/session.ts";
import { among } from "../../parts/bulk-filters.ts";
import type { ListedJob } from "./found-jobs.ts";

const FINISHED: readonly Status[] = ["completed", "failed", "cancelled"];

type Source = PayloadOf<"data_export">["source"];

/** The filters of an export of all finished jobs that match; undefined if the filters name no finished status. */
export function exportFilters(filters: ListFilters): ListFilters | undefined {
  const status = among(filters.status, FINISHED);
  if (status?.length === 0) return undefined;
  return status ? { ...filters, status } : filters;
}

export function exportMatching(filters: ListFilters): Promise<Job> {
  // the payload also takes lists of tags and groups, which a type of texts does not express
  return submit({ jobs: filtersWireOf(filters) as Record<string, string> });
}

/** Exports the rows as they are on the screen. */
export function exportRows(jobs: readonly ListedJob[]): Promise<Job> {
  return submit({ rows: jobs.map(rowOf) });
}

function submit(source: Source): Promise<Job> {
  return client().submit("data_export", { format: "csv", source, filename: "jobs" });
}

function rowOf({ error, payload, ...job }: ListedJob): Record<string, unknown> {
  return {
    ...job,
    error_code: error?.code ?? null,
    error_message: error?.message ?? null,
    ...(payload && { payload }),
  };
}
