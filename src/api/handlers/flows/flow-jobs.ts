/** `GET /api/v1/flows/{id}/jobs` and `/api/v1/batches/{id}/jobs`: the jobs of a flow, or of one of its nodes. */
import { invalid } from "../../../core/body.ts";
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
    const page = await deps.flows.jobs(id, { ...filter, ...(node !== undefined && { node }) });
    if (!page) return view.notFound(id);
    const write = (job: JobView): string => (isSummary ? summaryJson(job) : toJson(job));
    return json(200, pageJson("jobs", page.jobs.map(write), page.next));
  };
}
