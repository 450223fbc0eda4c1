/** The flow or batch that the path of a request names, for callers that may see it. */
import type { Caller } from "../../../core/api-key.ts";
import type { FlowState } from "../../../core/flows/flow.ts";
import { mayActOn, readsAll } from "../../../core/ownership.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import { batchJson, flowJson, receiptJson } from "./flow-json.ts";

/** The two views of one thing: `/flows` has flows of all kinds, `/batches` has batches only. */
export interface FlowView {
  readonly path: "flows" | "batches";
  readonly event: "flow" | "batch";
  readonly toJson: (state: FlowState) => string;
  readonly notFound: (id: string) => Answer;
}

export const FLOW_VIEW: FlowView = {
  path: "flows",
  event: "flow",
  toJson: flowJson,
  notFound: (id) => problem(404, "flow_not_found", `There is no flow with the id ${id}.`),
};

export const BATCH_VIEW: FlowView = {
  path: "batches",
  event: "batch",
  toJson: batchJson,
  notFound: (id) => problem(404, "batch_not_found", `There is no batch with the id ${id}.`),
};

/** The flow, unless there is none, it has no such view, or the caller must not know of it. */
export async function findFlow(
  { flows }: Pick<ApiDependencies, "flows">,
  { path }: FlowView,
  id: string,
  caller: Caller | undefined,
): Promise<FlowState | undefined> {
  const state = await flows.get(id);
  if (!state || (path === "batches" && state.graph.kind !== "batch")) return undefined;
  return mayActOn(caller, { ...(state.graph.apiKey !== undefined && { api_key: state.graph.apiKey }) })
    ? state
    : undefined;
}

/** The flow, or a receipt for a key without the scope `read`. */
export function flowAnswer(
  { toJson }: FlowView,
  status: number,
  state: FlowState,
  { caller }: Pick<ApiRequest, "caller">,
): Answer {
  return json(status, readsAll(caller) ? toJson(state) : receiptJson(state));
}
