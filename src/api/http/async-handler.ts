import type { Log } from "../../observability/log.ts";
import type { Answer, ApiRequest, Handler } from "./exchange.ts";
import { INTERNAL_ERROR, problemOfError } from "./problem.ts";

/**
 * Makes a handler of an async function; for all routes but submissions. A CodedError becomes the answer that it
 * describes; any other error is logged once and answered with 500. The function may read the request's body only before
 * its first await.
 */
export function fromAsync(log: Pick<Log, "error">, answerOf: (request: ApiRequest) => Promise<Answer>): Handler {
  return (request, reply) => {
    answerOf(request).then(
      (answer) => reply.send(answer),
      (error: unknown) => reply.send(answerOfThrown(log, error, request.id)),
    );
  };
}

export function answerOfThrown(log: Pick<Log, "error">, error: unknown, requestId?: string): Answer {
  const known = problemOfError(error);
  if (known) return known;
  log.error({ error, ...(requestId !== undefined && { request_id: requestId }) }, "request failed");
  return INTERNAL_ERROR;
}
