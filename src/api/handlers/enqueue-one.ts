/**
 * Enqueues one job that the server creates itself (a retry, a re-run of many) once per Idempotency-Key, and answers 202
 * with the job.
 */
import type { Submission } from "../../core/job.ts";
import { viewOfSubmission } from "../../core/job-view.ts";
import type { Enqueued, Submitted } from "../../queue/enqueuer.ts";
import { withPayer } from "../access/payer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { basePathOf } from "../http/base-path.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { JSON_TYPE } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { jobAnswerJson } from "../jobs/job-answer.ts";
import { jobJson } from "../jobs/job-json.ts";
import { REPLAYED } from "./idempotency.ts";
import { problemOfFailure } from "./submission-answers.ts";

export interface OneJob {
  /** Of the job; by default a new one. */
  readonly id?: string;
  readonly submission: Submission;
  readonly idempotency: Submitted["idempotency"];
  /** Completes "This Idempotency-Key was used …" if the key was used for something else. */
  readonly otherUse: string;
}

/** @returns a function that enqueues one job, and rejects with an error of the queue that is not for callers */
export function enqueueOne({
  queue,
  registry,
  enqueue,
  settings,
}: ApiDependencies): (request: Pick<ApiRequest, "caller" | "chargeJobs">, job: OneJob) => Promise<Answer> {
  const toJson = jobAnswerJson(jobJson(registry));
  const basePath = basePathOf(settings.publicUrl);
  return async (request, { id: newId = queue.ids.next(), submission, idempotency, otherUse }) => {
    const answer = await new Promise<Enqueued>((resolve) =>
      enqueue(withPayer({ ids: [newId], submissions: [submission], idempotency }, request.caller), resolve),
    );
    const accepted = (id: string, headers: NonNullable<Answer["headers"]>): Answer => ({
      status: 202,
      contentType: JSON_TYPE,
      headers: [["Location", `${basePath}/api/v1/jobs/${id}`], ...headers],
      body: toJson(request.caller, viewOfSubmission(id, submission)),
    });
    switch (answer.kind) {
      case "enqueued":
        request.chargeJobs([submission]);
        return accepted(newId, []);
      case "replayed":
        return accepted(answer.firstId, [REPLAYED]);
      case "conflict":
        return problem(
          422,
          "idempotency_key_reused",
          `This Idempotency-Key was used ${otherUse}, which created the job ${answer.firstId}.`,
        );
      case "failed": {
        const failure = problemOfFailure(answer.error, [newId]);
        if (!failure) throw answer.error;
        return failure;
      }
      case "closed":
      case "full":
      case "missing":
      case "running":
        throw new Error(`The queue answered ${answer.kind}, although no batch was named.`);
    }
  };
}
