/** Reads the bodies of submissions: small ones at once, large ones on a pool thread. */
import type { BodyTask, ParsedBody, Rejection } from "../../core/body.ts";
import { invalid, parseBody } from "../../core/body.ts";
import type { Submission } from "../../core/job.ts";
import { ownedBy } from "../../core/ownership.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { scopeDenial } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import type { Answer, ApiRequest, Reply } from "../http/exchange.ts";
import type { LargeBodies, LargeBody } from "../http/large-bodies.ts";
import { problem, problemOfRejection } from "../http/problem.ts";
import { BAD_KEY, isIdempotencyKey } from "./idempotency.ts";

/** Larger bodies are parsed on a pool thread: parsing and checking takes about 10 ms per MiB. */
const LARGE_BYTES = 256 * 1024;

export type Parsed = Extract<ParsedBody, { submissions: readonly Submission[] }>;

const MISSING_BODY = problem(400, "body_missing", "The request has no body.");

/** Rejects a request by its headers, before its body is parsed. */
export function rejectionOfHead(
  { body, headers }: ApiRequest,
  { isRightType, types }: { readonly isRightType: boolean; readonly types: string },
): Answer | undefined {
  if (body.length === 0) return MISSING_BODY;
  if (!isRightType) return problem(415, "unsupported_media_type", `The Content-Type must be ${types}.`);
  return headers.idempotencyKey === undefined || isIdempotencyKey(headers.idempotencyKey) ? undefined : BAD_KEY;
}

interface ParseOptions extends Pick<BodyTask, "kind" | "now"> {
  /** The issues of the query, which are reported together with those of the body. */
  readonly issues?: readonly ValidationIssue[] | undefined;
}

/** Where an answer goes, and a step before it: the answer to a large body lets the next one start. */
export type AnswerTo = Pick<Reply, "send">;
type Through = (to: AnswerTo) => AnswerTo;

const STRAIGHT: Through = (to) => to;

/**
 * Parses the body of a request and continues with its submissions, and with the step before the answer; answers a
 * rejection.
 */
export type Parse = (
  request: ApiRequest,
  reply: Reply,
  options: ParseOptions,
  goOn: (parsed: Parsed, through: Through) => void,
) => void;

const OVERLOADED = problem(503, "overloaded", "The server is busy with too many large requests.");

/** Parses small bodies at once, and large ones on a pool thread. */
export function parsing(deps: ApiDependencies, largeBodies: LargeBodies): Parse {
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
