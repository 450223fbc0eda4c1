/** The flow or batch that the path of a request names, for callers that may see it. */
import type { Caller } from "../../../core/api-key.ts";
import type { FlowState } from "../../../core/flows/flow.ts";
import { mayActOn, readsAll } from "../../../core/ownership.ts";
import { CodedError } from "../../../errors.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import { batchJson, flowJson, receiptJson } from "./flow-json.ts";

/** The two views of one thing: `/flows` has flows of all kinds, `/batches` has batches only. */
export interface FlowView {
  readonly path: "flows" | "batches";
  /** What audit entries and events call one. */
  readonly noun: "flow" | "batch";
  readonly toJson: (state: FlowState) => string;
  readonly notFound: (id: string) => Answer;
}

export const FLOW_VIEW: FlowView = {
  path: "flows",
  noun: "flow",
  toJson: flowJson,
  notFound: (id) => problem(404, "flow_not_found", `There is no flow with the id ${id}.`),
};

export const BATCH_VIEW: FlowView = {
  path: "batches",
  noun: "batch",
  toJson: batchJson,
  notFound: (id) => problem(404, "batch_not_found", `There is no batch with the id ${id}.`),
};

/** The flow; undefined if there is none, it has no such view, or the caller may not act on it. */
export async function findFlow(
  { flows }: Pick<ApiDependencies, "flows">,
  { path }: FlowView,
  id: string,
  caller: Caller | undefined,
): Promise<FlowState | undefined> {
  const state = await flows.get(id);
  if (!state || (path === "batches" && state.graph.kind !== "batch")) return undefined;
  const { apiKey } = state.graph;
  return mayActOn(caller, apiKey === undefined ? {} : { api_key: apiKey }) ? state : undefined;
}

/** Calls `act`; its error `flow_not_found` becomes the answer of this view: the flow was deleted meanwhile. */
export async function unlessGone({ notFound }: FlowView, id: string, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CodedError && error.code === "flow_not_found") return notFound(id);
    throw error;
  }
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
