/** `GET /api/v1/flows/{id}/jobs` and `/api/v1/batches/{id}/jobs`: the jobs of a flow, or of one of its nodes. */
import { invalid } from "../../../core/body.ts";
import type { FlowJobsFilter } from "../../../core/flows/flows.ts";
import type { JobView } from "../../../core/job.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { summaryJson } from "../../jobs/job-fields.ts";
import { jobJson } from "../../jobs/job-json.ts";
import { idOf } from "../jobs.ts";
import type { FlowView } from "./find-flow.ts";
import { findFlow } from "./find-flow.ts";
import { readFlowJobsQuery } from "./flow-query.ts";
import { pageJson } from "./read-flows.ts";

/** Jobs of one read: their results may be long. */
const MAX_CHUNK = 50;
/** Ends a page. A single job may be longer. */
const MAX_PAGE_LENGTH = 4 * 1024 * 1024;
/** Reads of one page: a filter by status may find few jobs in each. */
const MAX_READS = 40;

type Dependencies = Pick<ApiDependencies, "flows" | "registry">;

export function listFlowJobs(deps: Dependencies, view: FlowView): (request: ApiRequest) => Promise<Answer> {
  const toJson = jobJson(deps.registry);
  return async (request) => {
    const id = idOf(request);
    const query = readFlowJobsQuery(request.query, view.path === "flows" ? ["node"] : []);
    if ("issues" in query) return problemOfRejection(invalid(query.issues).rejection);
    const state = await findFlow(deps, view, id, request.caller);
    if (!state) return view.notFound(id);
    const { isSummary, ...filter } = query;
    // of a batch, the first node has its jobs, and the others are callbacks
    const node = view.path === "batches" ? state.graph.nodes[0]?.name : filter.node;
    if (node !== undefined && !state.graph.nodes.some(({ name }) => name === node))
      return problemOfRejection(invalid([{ path: "/node", message: "is not a node of this flow" }]).rejection);
    const write = (job: JobView): string => (isSummary ? summaryJson(job) : toJson(job));
    const page = await readPage(deps, id, { ...filter, ...(node !== undefined && { node }) }, write);
    return page ? json(200, pageJson("jobs", page.texts, page.next)) : view.notFound(id);
  };
}

/** Reads jobs until the page is full. @returns their JSON; undefined if there is no such flow any more */
async function readPage(
  { flows }: Dependencies,
  id: string,
  filter: FlowJobsFilter,
  write: (job: JobView) => string,
): Promise<{ readonly texts: readonly string[]; readonly next: string | null } | undefined> {
  const texts: string[] = [];
  let length = 0;
  let after = filter.after;
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const limit = Math.min(MAX_CHUNK, filter.limit - texts.length);
    const read = await flows.jobs(id, { ...filter, limit, ...(after !== undefined && { after }) });
    if (!read) return undefined;
    for (const job of read.jobs) {
      const text = write(job);
      length += text.length;
      if (length > MAX_PAGE_LENGTH && texts.length > 0) return { texts, next: after ?? null };
      texts.push(text);
      after = job.id;
    }
    if (read.next === null || texts.length >= filter.limit) return { texts, next: read.next };
    after = read.next;
  }
  return { texts, next: after ?? null };
}
