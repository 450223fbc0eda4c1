/** `POST /api/v1/batches/{id}/jobs`: adds jobs to an open batch, or from the handler of one of its jobs. */
import { invalid } from "../../../core/body.ts";
import type { FlowState } from "../../../core/flows/flow.ts";
import type { FlowSubmission } from "../../../core/flows/flows.ts";
import { isId } from "../../../core/id.ts";
import type { ValidationIssue } from "../../../core/schema-issues.ts";
import { withPayer } from "../../access/payer.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import { answerOfThrown } from "../../http/async-handler.ts";
import { batchKindOf } from "../../http/content-type.ts";
import type { Answer, ApiRequest, Handler } from "../../http/exchange.ts";
import { json } from "../../http/exchange.ts";
import type { LargeBodies } from "../../http/large-bodies.ts";
import { problemOfError, problemOfRejection } from "../../http/problem.ts";
import { callerOf } from "../audit-caller.ts";
import { idempotencyOfRequest, REPLAYED } from "../idempotency.ts";
import { idOf } from "../jobs.ts";
import { readParameters } from "../list-parameters.ts";
import { auditOperations } from "../operation-audit.ts";
import { acceptedJson } from "../submission-answers.ts";
import { type Parsed, parsing, rejectionOfHead } from "../submission-body.ts";
import { BATCH_VIEW, findFlow, unlessGone } from "./find-flow.ts";

export function addBatchJobs(deps: ApiDependencies, largeBodies: LargeBodies): Handler {
  const parse = parsing(deps, largeBodies);
  return (request, reply) => {
    const kind = batchKindOf(request.headers.contentType);
    const types = "application/json or application/x-ndjson";
    const rejection = rejectionOfHead(request, { isRightType: kind !== undefined, types });
    if (rejection || !kind) {
      if (rejection) reply.send(rejection);
      return;
    }
    const id = readId(request);
    if (typeof id !== "string") {
      reply.send(id);
      return;
    }
    const { from, issues } = readFrom(request.query);
    const idempotency = idempotencyOfRequest(deps, request, "batch_jobs", id);
    const add = adding(deps, request, { id, idempotency, from });
    parse(request, reply, { kind, now: deps.queue.clock.now(), issues }, (parsed, through) => {
      const to = through(reply);
      add(parsed).then(
        (answer) => to.send(answer),
        (error: unknown) => to.send(answerOfThrown(deps.log, error, request.id)),
      );
    });
  };
}

/** The id in the path, or the answer to one that is not valid. */
function readId(request: ApiRequest): string | Answer {
  try {
    return idOf(request);
  } catch (error) {
    const rejection = problemOfError(error);
    if (!rejection) throw error;
    return rejection;
  }
}

function readFrom(query: string): { readonly from: string | undefined; readonly issues: readonly ValidationIssue[] } {
  const { params, issues } = readParameters(query, ["from"]);
  const from = params.get("from")?.toLowerCase();
  if (from !== undefined && !isId(from)) issues.push({ path: "/from", message: "expected the id of a job" });
  return { from, issues };
}

interface Addition {
  readonly id: string;
  readonly from: string | undefined;
  readonly idempotency: FlowSubmission["idempotency"];
}

/** Adds the jobs of a request to its batch. */
function adding(
  deps: ApiDependencies,
  request: ApiRequest,
  { id, from, idempotency }: Addition,
): (parsed: Parsed) => Promise<Answer> {
  const { flows, metrics } = deps;
  const { caller } = request;
  const by = callerOf(request);
  return async ({ submissions: given, needsRead, needsAdmin }) => {
    const state = await findFlow(deps, BATCH_VIEW, id, caller);
    if (!state) return BATCH_VIEW.notFound(id);
    const missing = missingScope(state, { needsRead, needsAdmin });
    if (missing) return missing;
    const { submissions } = withPayer({ ids: [], submissions: given }, caller);
    return unlessGone(BATCH_VIEW, id, async () => {
      const { kind, ids } = await flows.add(id, submissions, { idempotency, ...(from !== undefined && { from }) });
      const answer = json(202, acceptedJson(ids, submissions));
      metrics.countSubmissions(kind === "replayed" ? "repeated" : kind, ids.length);
      if (kind === "replayed") return { ...answer, headers: [REPLAYED] };
      request.chargeJobs(submissions);
      if (needsRead || needsAdmin) auditOperations(deps, by, ids, submissions);
      return answer;
    });
  };
}

/** A retry of a batch checks the scope that its jobs needed at its submission. */
function missingScope(
  { graph }: FlowState,
  { needsRead, needsAdmin }: { readonly needsRead: boolean; readonly needsAdmin: true | undefined },
): Answer | undefined {
  if (graph.scope === "admin" || !(needsAdmin || (needsRead && graph.scope === undefined))) return undefined;
  const message = `a job that needs the scope ${needsAdmin ? "admin" : "read"} cannot be added to this batch: create it with such a job`;
  return problemOfRejection(invalid([{ path: "/jobs", message }]).rejection);
}
