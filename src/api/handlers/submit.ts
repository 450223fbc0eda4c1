/**
 * `POST /api/v1/jobs` and `POST /api/v1/jobs/batch`. The first is the hot path: a request costs an id, a submission, an
 * answer and two closures, but no promise.
 */
import { at } from "../../core/at.ts";
import { idsFrom, timeOfId } from "../../core/id.ts";
import type { Submission } from "../../core/job.ts";
import { viewOfSubmission } from "../../core/job-view.ts";
import type { Submitted } from "../../queue/enqueuer.ts";
import { withPayer } from "../access/payer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import { basePathOf } from "../http/base-path.ts";
import { batchKindOf, isJson } from "../http/content-type.ts";
import { type Answer, type ApiRequest, type Handler, JSON_TYPE } from "../http/exchange.ts";
import type { LargeBodies } from "../http/large-bodies.ts";
import { issuesOfNoQuery } from "../http/no-query.ts";
import { INTERNAL_ERROR, problem } from "../http/problem.ts";
import { jobJson } from "../jobs/job-json.ts";
import { callerOf } from "./audit-caller.ts";
import { enqueueFlow, hasFlow, type ParsedFlow } from "./flows/enqueue-flow.ts";
import { idempotencyOfRequest, REPLAYED } from "./idempotency.ts";
import { auditOperations } from "./operation-audit.ts";
import { acceptedJson, moved, problemOfFailure } from "./submission-answers.ts";
import { type AnswerTo, parsing, rejectionOfHead } from "./submission-body.ts";
import { readWait } from "./wait.ts";
import { type WaitedReply, waitedReply } from "./waited-reply.ts";

/** `POST /api/v1/jobs` */
export function submitJob(deps: ApiDependencies, largeBodies: LargeBodies): Handler {
  const toJson = jobJson(deps.registry);
  const parse = parsing(deps, largeBodies);
  const jobsPath = `${basePathOf(deps.settings.publicUrl)}/api/v1/jobs/`;
  const accepted = (id: string, submission: Submission, { isRepeat }: { readonly isRepeat: boolean }): Answer => {
    const location = ["Location", jobsPath + id] as const;
    return {
      status: 202,
      contentType: JSON_TYPE,
      headers: isRepeat ? [location, REPLAYED] : [location],
      body: toJson(viewOfSubmission(id, submission)),
    };
  };
  return (request, reply) => {
    const rejection = rejectionOfHead(request, {
      isRightType: isJson(request.headers.contentType),
      types: "application/json",
    });
    if (rejection) {
      reply.send(rejection);
      return;
    }
    const id = deps.queue.ids.next();
    const acceptedAt = timeOfId(id); // `delay_ms` counts from it, so that a replayed answer shows the same time
    const idempotency = idempotencyOfRequest(deps, request, "job");
    const wait = readWait(request);
    parse(request, reply, { kind: "single", now: acceptedAt, issues: wait.issues }, (parsed, through) => {
      const { submissions, isDelayed, needsRead, needsAdmin, payload } = parsed;
      const waitFor = (first: string): WaitedReply | undefined =>
        wait.ms === 0 ? undefined : waitedReply({ waiters: deps.waiters, toJson, reply, wait }, first);
      if (hasFlow(parsed)) {
        enqueueThen(
          deps,
          request,
          { parsed, acceptedAt, idempotency, waitFor, to: (waited) => through(waited ?? reply) },
          accepted,
        );
        return;
      }
      const submission = submissions[0] as Submission;
      const waited = waitFor(id);
      enqueue(deps, request, through(waited ?? reply), { ids: [id], submissions, idempotency, payload }, (firstId) => {
        if (firstId === id) {
          if (needsRead || needsAdmin) auditOperations(deps, callerOf(request), [id], submissions);
          return accepted(id, submission, { isRepeat: false });
        }
        waited?.turnTo(firstId);
        const first = isDelayed ? moved(submission, timeOfId(firstId) - acceptedAt) : submission;
        return accepted(firstId, first, { isRepeat: true });
      });
    });
  };
}

interface ThenParts {
  readonly parsed: ParsedFlow;
  readonly acceptedAt: number;
  readonly idempotency: Submitted["idempotency"];
  readonly waitFor: (id: string) => WaitedReply | undefined;
  readonly to: (waited: WaitedReply | undefined) => AnswerTo;
}

/** Enqueues a job and those after it as a flow, and answers with the job. */
function enqueueThen(
  deps: ApiDependencies,
  request: ApiRequest,
  { parsed, acceptedAt, idempotency, waitFor, to }: ThenParts,
  accepted: (id: string, submission: Submission, options: { readonly isRepeat: boolean }) => Answer,
): void {
  let waited: WaitedReply | undefined;
  enqueueFlow(deps, request, parsed, {
    idempotency,
    acceptedAt,
    begin: ({ jobs }) => to((waited = waitFor(at(jobs, 0).id))),
    accepted: ({ jobs }, { kind }) => {
      const { id, submission } = at(jobs, 0);
      const isRepeat = kind === "replayed";
      if (isRepeat) waited?.turnTo(id);
      return accepted(id, submission, { isRepeat });
    },
  });
}

/** `POST /api/v1/jobs/batch` */
export function submitBatch(deps: ApiDependencies, largeBodies: LargeBodies): Handler {
  const parse = parsing(deps, largeBodies);
  return (request, reply) => {
    const kind = batchKindOf(request.headers.contentType);
    const rejection = rejectionOfHead(request, {
      isRightType: kind !== undefined,
      types: "application/json or application/x-ndjson",
    });
    if (rejection || !kind) {
      reply.send(rejection ?? INTERNAL_ERROR);
      return;
    }
    const idempotency = idempotencyOfRequest(deps, request, "batch");
    const options = { kind, now: deps.queue.clock.now(), issues: issuesOfNoQuery(request.query) };
    parse(request, reply, options, ({ submissions, needsRead, needsAdmin }, through) => {
      const ids = idsFrom(deps.queue.ids.next(submissions.length), submissions.length);
      enqueue(deps, request, through(reply), { ids, submissions, idempotency }, (firstId) => {
        const isRepeat = firstId !== ids[0];
        if ((needsRead || needsAdmin) && !isRepeat) auditOperations(deps, callerOf(request), ids, submissions);
        const body = acceptedJson(isRepeat ? idsFrom(firstId, submissions.length) : ids, submissions);
        return { status: 202, contentType: JSON_TYPE, headers: isRepeat ? [REPLAYED] : [], body };
      });
    });
  };
}

/**
 * Enqueues, and answers with `accepted` of the first id: that of an earlier request if the Idempotency-Key was used
 * before.
 */
function enqueue(
  deps: ApiDependencies,
  request: Pick<ApiRequest, "chargeJobs" | "caller">,
  reply: AnswerTo,
  submitted: Submitted,
  accepted: (firstId: string) => Answer,
): void {
  const { metrics, log } = deps;
  const { ids } = submitted;
  deps.enqueue(withPayer(submitted, request.caller), (answer) => {
    switch (answer.kind) {
      case "enqueued":
        metrics.countSubmissions("accepted", ids.length);
        request.chargeJobs(submitted.submissions);
        reply.send(accepted(at(ids, 0)));
        break;
      case "replayed":
        metrics.countSubmissions("repeated", ids.length);
        reply.send(accepted(answer.firstId));
        break;
      case "conflict":
        metrics.countSubmissions("idempotency_key_reused", ids.length);
        reply.send(
          problem(
            422,
            "idempotency_key_reused",
            `This Idempotency-Key was used with another body, which created the job ${answer.firstId}.`,
          ),
        );
        break;
      case "failed":
        metrics.countSubmissions(answer.error.code, ids.length);
        reply.send(
          problemOfFailure(answer.error, answer.firstId === undefined ? ids : idsFrom(answer.firstId, ids.length)) ??
            answerOfThrown(log, answer.error),
        );
        break;
      case "closed":
      case "full":
      case "missing":
      case "running":
        throw new Error(`The queue answered ${answer.kind}, although no batch was named.`);
      default:
        answer satisfies never;
    }
  });
}
