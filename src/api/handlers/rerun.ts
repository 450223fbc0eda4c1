/**
 * `POST /api/v1/jobs/replay`: starts a job of type `replay`, which runs all jobs again that match a filter; or counts
 * them.
 */
import type { Rejection } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import { issuesOfFilters } from "../../core/job-filters.ts";
import { ownedBy } from "../../core/ownership.ts";
import { NO_OPTIONS } from "../../core/packed-job.ts";
import type { RerunFilters, RerunScan } from "../../core/reruns.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import { scopeDenial } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import { isJson } from "../http/content-type.ts";
import type { Answer, ApiRequest, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem, problemOfRejection } from "../http/problem.ts";
import { enqueueOne } from "./enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey } from "./idempotency.ts";

interface Rerun {
  readonly body: Uint8Array;
  readonly filters: RerunFilters & { readonly rate?: number };
  readonly isDryRun: boolean;
}

export function rerunJobs(deps: ApiDependencies): Handler {
  return (request, reply) => {
    const { idempotencyKey: key } = request.headers;
    const rerun = key === undefined || isIdempotencyKey(key) ? readRerun(deps, request) : BAD_KEY;
    if ("status" in rerun) {
      reply.send(rerun);
      return;
    }
    const gone = new AbortController();
    if (rerun.isDryRun) reply.onGone(() => gone.abort());
    const answer = rerun.isDryRun
      ? count(deps, rerun, { caller: request.caller?.id ?? "", signal: gone.signal })
      : start(deps, request, rerun);
    answer.then(
      (made) => reply.send(made),
      (error: unknown) => {
        if (!gone.signal.aborted) reply.send(answerOfThrown(deps.log, error));
      },
    );
  };
}

/** Reads the body, which is valid only before the first await. */
function readRerun({ registry }: ApiDependencies, { body, headers, caller }: ApiRequest): Rerun | Answer {
  if (body.length === 0) return problem(400, "body_missing", "The request has no body.");
  if (!isJson(headers.contentType))
    return problem(415, "unsupported_media_type", "The Content-Type must be application/json.");
  const read: { readonly value: unknown } | { readonly rejection: Rejection } = parseJson(body);
  if ("rejection" in read) return problemOfRejection(read.rejection);
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return problemOfRejection(invalid([{ path: "", message: "expected an object" }]).rejection);
  const { dry_run = false, ...filters } = value as { readonly dry_run?: unknown } & Readonly<Record<string, unknown>>;
  const issues = [...(registry.get(RERUN_TYPE)?.issuesOf(filters) ?? [])];
  // a schema error hides those that a schema cannot express
  for (const issue of issuesOfFilters(filters, TERMINAL_STATUSES))
    if (!issues.some(({ path }) => path === issue.path)) issues.push(issue);
  if (typeof dry_run !== "boolean") issues.push({ path: "/dry_run", message: "expected a boolean" });
  if (issues.length > 0) return problemOfRejection(invalid(issues).rejection);
  return scopeDenial(caller, "read") ?? { filters, body: new Uint8Array(body), isDryRun: dry_run === true };
}

async function count({ reruns, queue }: ApiDependencies, { filters }: Rerun, scan: RerunScan): Promise<Answer> {
  let matched = 0;
  for await (const { ids } of reruns.matching(filters, queue.ids.next(), scan)) matched += ids.length;
  return json(200, JSON.stringify({ matched }));
}

async function start(
  deps: ApiDependencies,
  request: Pick<ApiRequest, "chargeJobs" | "caller" | "headers">,
  { filters, body }: Rerun,
): Promise<Answer> {
  const { registry, settings } = deps;
  const submission = ownedBy(
    {
      type: RERUN_TYPE,
      payload: JSON.stringify(filters),
      priority: 5,
      maxAttempts: registry.get(RERUN_TYPE)?.definition.attempts ?? 1,
      groupKey: null,
      options: settings.durability === "postgres" ? { durability: "postgres" } : NO_OPTIONS,
    },
    request.caller?.id,
  );
  const {
    caller,
    headers: { idempotencyKey: key },
  } = request;
  const idempotency =
    key === undefined ? undefined : idempotencyOf(key, caller?.id, "replay", body, settings.idempotencyTtlMs);
  return enqueueOne(deps)(request, { submission, idempotency, otherUse: "with another body" });
}
