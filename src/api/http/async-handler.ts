import type { Log } from "../../observability/log.ts";
import type { Answer, ApiRequest, Handler } from "./exchange.ts";
import { INTERNAL_ERROR, problemOfError } from "./problem.ts";

/**
 * A handler of ordinary async code; for all routes but submissions. Our own errors answer as they say; any other is
 * logged once and answers 500. The request's body is there for it until it first waits.
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
