/**
 * `POST /api/v1/jobs` and `POST /api/v1/jobs/batch`. The first is the hot path: a request costs an id, a submission, an
 * answer and two closures, but no promise.
 */
import { at } from "../../core/at.ts";
import type { BodyTask, ParsedBody, Rejection } from "../../core/body.ts";
import { invalid, parseBody } from "../../core/body.ts";
import { idsFrom, timeOfId } from "../../core/id.ts";
import type { Submission } from "../../core/job.ts";
import { viewOfSubmission } from "../../core/job-view.ts";
import { ownedBy } from "../../core/ownership.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import type { CodedError } from "../../errors.ts";
import type { Submitted } from "../../queue/enqueuer.ts";
import { scopeDenial } from "../access/authentication.ts";
import { withPayer } from "../access/payer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import { basePathOf } from "../http/base-path.ts";
import { batchKindOf, isJson } from "../http/content-type.ts";
import { type Answer, type ApiRequest, type Handler, JSON_TYPE, type Reply } from "../http/exchange.ts";
import type { LargeBodies, LargeBody } from "../http/large-bodies.ts";
import { INTERNAL_ERROR, problem, problemOfError, problemOfRejection } from "../http/problem.ts";
import { jobJson } from "../jobs/job-json.ts";
import { callerOf } from "./audit-caller.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey, REPLAYED } from "./idempotency.ts";
import { auditOperations } from "./operation-audit.ts";
import { readWait } from "./wait.ts";
import { waitedReply } from "./waited-reply.ts";

/** Larger bodies are parsed on a pool thread: parsing and checking takes about 10 ms per MiB. */
const LARGE_BYTES = 256 * 1024;

type Parsed = Extract<ParsedBody, { submissions: readonly Submission[] }>;

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
    parse(
      request,
      reply,
      { kind: "single", now: acceptedAt, issues: wait.issues },
      ({ submissions, isDelayed, needsRead, needsAdmin, payload }, through) => {
        const submission = submissions[0] as Submission;
        const waited = wait.ms === 0 ? undefined : waitedReply({ waiters: deps.waiters, toJson, reply, wait }, id);
        enqueue(
          deps,
          request,
          through(waited ?? reply),
          { ids: [id], submissions, idempotency, payload },
          (firstId) => {
            if (firstId === id) {
              if (needsRead || needsAdmin) auditOperations(deps, callerOf(request), [id], submissions);
              return accepted(id, submission, { isRepeat: false });
            }
            waited?.turnTo(firstId);
            const first = isDelayed ? moved(submission, timeOfId(firstId) - acceptedAt) : submission;
            return accepted(firstId, first, { isRepeat: true });
          },
        );
      },
    );
  };
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
    parse(request, reply, { kind, now: deps.queue.clock.now() }, ({ submissions, needsRead, needsAdmin }, through) => {
      const ids = idsFrom(deps.queue.ids.next(submissions.length), submissions.length);
      enqueue(deps, request, through(reply), { ids, submissions, idempotency }, (firstId) => {
        const isRepeat = firstId !== ids[0];
        if ((needsRead || needsAdmin) && !isRepeat) auditOperations(deps, callerOf(request), ids, submissions);
        const body = batchJson(isRepeat ? idsFrom(firstId, submissions.length) : ids, submissions);
        return { status: 202, contentType: JSON_TYPE, headers: isRepeat ? [REPLAYED] : [], body };
      });
    });
  };
}

const MISSING_BODY = problem(400, "body_missing", "The request has no body.");

/** Rejects a request by its headers, before its body is parsed. */
function rejectionOfHead(
  { body, headers }: ApiRequest,
  { isRightType, types }: { readonly isRightType: boolean; readonly types: string },
): Answer | undefined {
  if (body.length === 0) return MISSING_BODY;
  if (!isRightType) return problem(415, "unsupported_media_type", `The Content-Type must be ${types}.`);
  return headers.idempotencyKey === undefined || isIdempotencyKey(headers.idempotencyKey) ? undefined : BAD_KEY;
}

function idempotencyOfRequest(
  { settings }: ApiDependencies,
  { headers, body, caller }: ApiRequest,
  call: "job" | "batch",
): Submitted["idempotency"] {
  const key = headers.idempotencyKey;
  return key === undefined ? undefined : idempotencyOf(key, caller?.id, call, body, settings.idempotencyTtlMs);
}

interface ParseOptions extends Pick<BodyTask, "kind" | "now"> {
  /** The issues of the query, which are reported together with those of the body. */
  readonly issues?: readonly ValidationIssue[] | undefined;
}

/** Where an answer goes, and a step before it: the answer to a large body lets the next one start. */
type AnswerTo = Pick<Reply, "send">;
type Through = (to: AnswerTo) => AnswerTo;

const STRAIGHT: Through = (to) => to;

/**
 * Parses the body of a request and continues with its submissions, and with the step before the answer; answers a
 * rejection.
 */
type Parse = (
  request: ApiRequest,
  reply: Reply,
  options: ParseOptions,
  goOn: (parsed: Parsed, through: Through) => void,
) => void;

const OVERLOADED = problem(503, "overloaded", "The server is busy with too many large requests.");

/** Parses small bodies at once, and large ones on a pool thread. */
function parsing(deps: ApiDependencies, largeBodies: LargeBodies): Parse {
  const { maxBodyBytes, durability } = deps.settings;
  return (request, reply, { kind, now, issues = [] }, goOn) => {
    const reject = (through: Through, answer: Answer): void => {
      deps.metrics.countSubmissions(answer.code ?? "unknown", 1);
      through(reply).send(answer);
    };
    const take = (parsed: ParsedBody, through: Through): void => {
      const rejection = rejectionOf(parsed, issues);
      if (rejection) {
        reject(through, problemOfRejection(rejection));
        return;
      }
      const { needsRead, needsAdmin } = parsed as Parsed;
      const denial = needsRead || needsAdmin ? scopeDenial(request.caller, needsAdmin ? "admin" : "read") : undefined;
      if (denial) reject(through, denial);
      else goOn(ownedParsed(parsed as Parsed, request.caller), through);
    };
    const task = { bytes: request.body, kind, maxBodyBytes, now, durability };
    if (task.bytes.length <= LARGE_BYTES) {
      take(parseBody(task, deps.registry.get), STRAIGHT);
      return;
    }
    const bytes = request.takeBody();
    const parse = (): Promise<ParsedBody> =>
      deps.parseLarge({ ...task, bytes }).finally(() => largeBodies.parsed(body.caller));
    const leaving: Through = (to) => ({
      send: (answer) => {
        to.send(answer);
        largeBodies.leave(body);
      },
    });
    const body: LargeBody = {
      caller: request.caller?.id ?? request.peer(),
      bytes: bytes.length,
      start: () =>
        void parse()
          .then((parsed) => take(parsed, leaving))
          .catch((error: unknown) => leaving(reply).send(answerOfThrown(deps.log, error))),
    };
    if (!largeBodies.enter(body)) reject(STRAIGHT, OVERLOADED);
    else reply.onGone(() => largeBodies.drop(body));
  };
}

/** Makes the API key of the request the owner of its jobs. */
function ownedParsed(parsed: Parsed, caller: ApiRequest["caller"]): Parsed {
  return caller === undefined
    ? parsed
    : { ...parsed, submissions: parsed.submissions.map((submission) => ownedBy(submission, caller.id)) };
}

/** @param issues the issues of the query */
function rejectionOf(parsed: ParsedBody, issues: readonly ValidationIssue[]): Rejection | undefined {
  const rejection = "rejection" in parsed ? parsed.rejection : undefined;
  if (issues.length === 0 || (rejection && rejection.code !== "validation_failed")) return rejection;
  return invalid([...issues, ...(rejection?.issues ?? [])]).rejection;
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
        throw new Error(`The queue answered ${answer.kind}, although no batch was named.`);
      default:
        answer satisfies never;
    }
  });
}

/** If it is unknown whether the jobs exist, the answer contains their ids, so that the caller can read them. */
export function problemOfFailure(error: CodedError, ids: readonly string[]): Answer | undefined {
  const unknown = { id: ids[0], ...(ids.length > 1 && { ids }) };
  return problemOfError(error, error.code === "outcome_unknown" ? unknown : {});
}

/** Moves the `run_at` of a submission, which was derived from `delay_ms`. */
function moved(submission: Submission, byMs: number): Submission {
  const { options } = submission;
  return options.run_at === undefined
    ? submission
    : { ...submission, options: { ...options, run_at: options.run_at + byMs } };
}

function batchJson(ids: readonly string[], submissions: readonly Submission[]): string {
  const jobs = submissions.map((submission, i) => {
    const { id, status } = viewOfSubmission(at(ids, i), submission);
    return `{"id":"${id}","status":"${status}"}`;
  });
  return `{"jobs":[${jobs.join(",")}]}`;
}
