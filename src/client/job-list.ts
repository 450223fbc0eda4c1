/** Lists jobs, page by page. */
import type { CallOptions } from "./call-options.ts";
import type { Job, ListFilters } from "./contract.ts";
import { pagesAt } from "./pages.ts";
import type { Transport } from "./transport.ts";
import { filtersWireOf } from "./wire.ts";

export interface ListOptions extends ListFilters, CallOptions {
  /** How many jobs one request fetches, 1 to 1,000. Default: 50. */
  readonly pageSize?: number | undefined;
  /** `summary` leaves out payloads and results, which makes pages small. Default: `full`. */
  readonly view?: "full" | "summary" | undefined;
  /** The `next_cursor` of a page: the list continues after it. */
  readonly cursor?: string | undefined;
}

/** A job without its payload and its result. */
export type JobSummary = Omit<Job, "payload" | "result" | "callback_job" | "callback_of">;

/** The jobs of a list with these options. */
export type ListedJob<Options> = JobIn<Options extends { readonly view?: infer View } ? View : undefined>;
type JobIn<View> = View extends "summary" ? JobSummary : Job;

export interface JobPage<Listed = Job> {
  jobs: Listed[];
  /** Continues the list after this page; null after the last one. A page may be empty before that. */
  next_cursor: string | null;
  /** How many jobs the server has examined for this page. */
  examined: number;
}

export function pagesOf<Listed>(
  transport: Transport,
  { signal, pageSize, view, cursor, ...filters }: ListOptions,
): AsyncGenerator<JobPage<Listed>, void> {
  return pagesAt(transport, "/api/v1/jobs", { ...filtersWireOf(filters), view, limit: pageSize, cursor }, signal);
}
