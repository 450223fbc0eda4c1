/** Enqueues a flow as a whole, once per Idempotency-Key. */
import type { NewFlow } from "../../../core/flows/flow.ts";
import type { FlowSubmission, FlowSubmitted } from "../../../core/flows/flows.ts";
import { idsNeeded, withIds } from "../../../core/flows/graph.ts";
import { timeOfId } from "../../../core/id.ts";
import { CodedError } from "../../../errors.ts";
import { withPayer } from "../../access/payer.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { answerOfThrown } from "../../http/async-handler.ts";
import type { Answer, ApiRequest } from "../../http/exchange.ts";
import { problem } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { auditOperations } from "../operation-audit.ts";
import { moved, problemOfFailure } from "../submission-answers.ts";
import type { AnswerTo, Parsed } from "../submission-body.ts";

/** A body that was parsed into a flow. */
export type ParsedFlow = Parsed & Required<Pick<Parsed, "flow">>;

export function hasFlow(parsed: Parsed): parsed is ParsedFlow {
  return parsed.flow !== undefined;
}

type Dependencies = Pick<ApiDependencies, "flows" | "queue" | "metrics" | "audit" | "log">;

export interface FlowAnswers {
  readonly idempotency: FlowSubmission["idempotency"];
  /**
   * Epoch ms: the time from which `delay_ms` of the first job was counted. It is counted from the flow's id instead, so
   * that a repeated answer shows the same time. Absent if no answer shows this job.
   */
  readonly acceptedAt?: number;
  /** Called before the flow is enqueued. @returns where the answer goes */
  readonly begin: (flow: NewFlow) => AnswerTo;
  /** @param flow with the ids of an earlier request if the Idempotency-Key was used before */
  readonly accepted: (flow: NewFlow, submitted: FlowSubmitted) => Answer;
}

/** Enqueues the flow of a request, and answers. */
export function enqueueFlow(
  deps: Dependencies,
  request: Pick<ApiRequest, "chargeJobs" | "caller" | "id">,
  parsed: ParsedFlow,
  { idempotency, acceptedAt, begin, accepted }: FlowAnswers,
): void {
  const { caller } = request;
  const { submissions } = withPayer({ ids: [], submissions: parsed.submissions }, caller);
  const flowOf = (id: string): NewFlow => {
    const [first, ...others] = submissions;
    const isMoved = first && parsed.isDelayed && acceptedAt !== undefined;
    const timed = isMoved ? [moved(first, timeOfId(id) - acceptedAt), ...others] : submissions;
    return withScope(withIds(parsed.flow, timed, id, caller?.id), parsed);
  };
  const flow = flowOf(deps.queue.ids.next(idsNeeded(parsed.flow)));
  const by = callerOf(request);
  const reply = begin(flow);
  const answer = (submitted: FlowSubmitted): Answer => {
    const { metrics } = deps;
    switch (submitted.kind) {
      case "accepted": {
        const jobs = flow.jobs.map(({ submission }) => submission);
        metrics.countSubmissions("accepted", jobs.length);
        request.chargeJobs(jobs);
        if (flow.graph.scope !== undefined)
          auditOperations(
            deps,
            by,
            flow.jobs.map(({ id }) => id),
            jobs,
          );
        return accepted(flow, submitted);
      }
      case "replayed":
        metrics.countSubmissions("repeated", flow.jobs.length);
        return accepted(flowOf(submitted.id), submitted);
      case "conflict":
        metrics.countSubmissions("idempotency_key_reused", flow.jobs.length);
        return problem(
          422,
          "idempotency_key_reused",
          `This Idempotency-Key was used with another body, which created ${submitted.id}.`,
        );
    }
  };
  deps.flows.submit({ flow, idempotency }).then(
    (submitted) => reply.send(answer(submitted)),
    (error: unknown) => {
      const known = error instanceof CodedError ? problemOfFailure(error, [flow.id]) : undefined;
      deps.metrics.countSubmissions(known?.code ?? "internal_error", flow.jobs.length);
      reply.send(known ?? answerOfThrown(deps.log, error, request.id));
    },
  );
}

/** Notes the scope that a retry of the flow needs. */
function withScope(flow: NewFlow, { needsRead, needsAdmin }: Pick<Parsed, "needsRead" | "needsAdmin">): NewFlow {
  const scope = needsAdmin ? "admin" : needsRead ? "read" : undefined;
  return scope === undefined ? flow : { ...flow, graph: { ...flow.graph, scope } };
}
