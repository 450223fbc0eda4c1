/** Calls that change a flow or batch: cancel and retry it, close a batch. */
import { invalid } from "../../../core/body.ts";
import type { FlowState } from "../../../core/flows/flow.ts";
import type { FlowSubmission } from "../../../core/flows/flows.ts";
import type { ValidationIssue } from "../../../core/schema-issues.ts";
import { compileValidator } from "../../../core/validator.ts";
import { scopeDenial } from "../../access/authentication.ts";
import { flowRetrySchema } from "../../contract/flow-schemas.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { basePathOf } from "../../http/base-path.ts";
import { readOptionalFields, rejectionOfBody } from "../../http/empty-body.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem, problemOfRejection } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey, REPLAYED } from "../idempotency.ts";
import { idOf } from "../jobs.ts";
import type { FlowView } from "./find-flow.ts";
import { BATCH_VIEW, findFlow, flowAnswer, unlessGone } from "./find-flow.ts";

type Call = (request: ApiRequest) => Promise<Answer>;
type Dependencies = Pick<ApiDependencies, "flows" | "settings" | "audit">;

export function cancelFlow(deps: Dependencies, view: FlowView): Call {
  return act(deps, view, async (request, state) => {
    const { id } = state;
    const cancelled = state.finishedAt === null ? await deps.flows.cancel(id) : state;
    if (cancelled.finishedAt === null) return flowAnswer(view, 202, cancelled, request);
    // a repeat, or the flow ended before this call
    return cancelled.isCancelRequested ? flowAnswer(view, 200, cancelled, request) : alreadyFinished(view, cancelled);
  });
}

function alreadyFinished({ noun }: FlowView, { id, status }: FlowState): Answer {
  return problem(409, "flow_finished", `The ${noun} ${id} has already ended: it is ${status}.`);
}

export function closeBatch(deps: Dependencies): Call {
  return async (request) =>
    rejectionOfBody(request) ??
    act(deps, BATCH_VIEW, async (_, { id }) => flowAnswer(BATCH_VIEW, 200, await deps.flows.close(id), request))(
      request,
    );
}

/** The names of 1,000 nodes, of 64 characters each, and escapes. */
export const MAX_RETRY_BYTES = 256 * 1_024;

const retryBody = compileValidator(flowRetrySchema);

export function retryFlow(deps: Dependencies, view: FlowView): Call {
  const basePath = basePathOf(deps.settings.publicUrl);
  return async (request) => {
    const by = callerOf(request);
    const read = view.path === "flows" ? readOptionalFields(request, retryBody) : undefined;
    const { idempotencyKey: key } = request.headers;
    const rejected =
      (read ? ("rejected" in read ? read.rejected : undefined) : rejectionOfBody(request)) ??
      (key === undefined || isIdempotencyKey(key) ? undefined : BAD_KEY);
    if (rejected) return rejected;
    const from = read && "fields" in read ? read.fields.from : undefined;
    return act(deps, view, async (_, state) => {
      const issues = unknownNodes(state, from ?? []);
      if (issues.length > 0) return problemOfRejection(invalid(issues).rejection);
      const { scope } = state.graph;
      const denial = scope && scopeDenial(request.caller, scope);
      if (denial) return denial;
      const retried = await deps.flows.retry(state.id, {
        ...(from !== undefined && { from }),
        idempotency: idempotencyOfRetry(deps, request, state.id, from),
        onAccepted: (submissions) => request.chargeJobs(submissions),
      });
      const isRepeat = retried.kind === "replayed";
      if (scope !== undefined && !isRepeat)
        deps.audit.record({ ...by, action: `${view.path}.retry`, target: state.id });
      const location = ["Location", `${basePath}/api/v1/${view.path}/${state.id}`] as const;
      const answer = flowAnswer(view, 202, retried.state, request);
      return { ...answer, headers: isRepeat ? [location, REPLAYED] : [location] };
    })(request);
  };
}

/** A retry is identified by the flow and the nodes that it begins with, however the body is written. */
function idempotencyOfRetry(
  { settings }: Dependencies,
  { headers: { idempotencyKey: key }, caller }: ApiRequest,
  id: string,
  from: readonly string[] | undefined,
): FlowSubmission["idempotency"] {
  const identity = Buffer.from(JSON.stringify([id, from ?? null]));
  return key === undefined
    ? undefined
    : idempotencyOf(key, caller?.id, "flow_retry", identity, settings.idempotencyTtlMs);
}

function unknownNodes({ graph }: FlowState, from: readonly string[]): ValidationIssue[] {
  const names = new Set(graph.nodes.map(({ name }) => name));
  return from.flatMap((name, index) =>
    names.has(name) ? [] : [{ path: `/from/${index}`, message: "is not a node of this flow" }],
  );
}

/** Finds the flow of the request, and acts on it. */
function act(
  deps: Dependencies,
  view: FlowView,
  answerOf: (request: ApiRequest, state: FlowState) => Promise<Answer>,
): Call {
  return async (request) => {
    const id = idOf(request);
    const { caller } = request;
    const state = await findFlow(deps, view, id, caller);
    return state ? unlessGone(view, id, () => answerOf(request, state)) : view.notFound(id);
  };
}
