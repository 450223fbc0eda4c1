/** `GET /api/v1/flows` and `/api/v1/batches`, and of one of them. */
import { invalid } from "../../../core/body.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problemOfRejection } from "../../http/problem.ts";
import { idOf } from "../jobs.ts";
import type { FlowView } from "./find-flow.ts";
import { findFlow } from "./find-flow.ts";
import { batchJson, summaryJson } from "./flow-json.ts";
import { readFlowQuery } from "./flow-query.ts";

type Call = (request: ApiRequest) => Promise<Answer>;
type Dependencies = Pick<ApiDependencies, "flows">;

export function getFlow(deps: Dependencies, view: FlowView): Call {
  return async (request) => {
    const id = idOf(request);
    const state = await findFlow(deps, view, id, request.caller);
    return state ? json(200, view.toJson(state)) : view.notFound(id);
  };
}

export function listFlows({ flows }: Dependencies): Call {
  return async ({ query }) => {
    const filter = readFlowQuery(query, ["kind"]);
    if ("issues" in filter) return problemOfRejection(invalid(filter.issues).rejection);
    const page = await flows.list(filter);
    return json(200, pageJson("flows", page.flows.map(summaryJson), page.next));
  };
}

export function listBatches({ flows }: Dependencies): Call {
  return async ({ query }) => {
    const filter = readFlowQuery(query, []);
    if ("issues" in filter) return problemOfRejection(invalid(filter.issues).rejection);
    const page = await flows.list({ ...filter, kind: ["batch"] });
    return json(200, pageJson("batches", page.flows.map(batchJson), page.next));
  };
}

/** @param items each as JSON */
export function pageJson(name: "flows" | "batches" | "jobs", items: readonly string[], next: string | null): string {
  return `{"${name}":[${items.join(",")}],"next_cursor":${JSON.stringify(next)}}`;
}
