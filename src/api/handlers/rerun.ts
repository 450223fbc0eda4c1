/** `POST /api/v1/jobs/replay`: runs again all that a filter names, as a job of type `replay`; or counts them. */

import type { Refusal } from "../../core/body.ts";
import { invalid, parseJson } from "../../core/body.ts";
import { ownedBy } from "../../core/ownership.ts";
import { NO_OPTIONS } from "../../core/packed-job.ts";
import type { ReplayFilters, ReplayScan } from "../../core/reruns.ts";
import { REPLAY_TYPE } from "../../core/reruns.ts";
import { scopeRefusal } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import { isJson } from "../http/content-type.ts";
import type { Answer, ApiRequest, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem, problemOfRefusal } from "../http/problem.ts";
import { enqueueOne } from "./enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey } from "./idempotency.ts";

interface Replay {
  readonly body: Uint8Array;
  readonly filters: ReplayFilters & { readonly rate?: number };
  readonly isDryRun: boolean;
}

export function replayJobs(deps: ApiDependencies): Handler {
  return (request, reply) => {
    const { idempotencyKey: key } = request.headers;
    const replay = key === undefined || isIdempotencyKey(key) ? readReplay(deps, request) : BAD_KEY;
    if ("status" in replay) {
      reply.send(replay);
      return;
    }
    const gone = new AbortController();
    if (replay.isDryRun) reply.onGone(() => gone.abort());
    const answer = replay.isDryRun
      ? count(deps, replay, { caller: request.caller?.id ?? "", signal: gone.signal })
      : start(deps, request, replay);
    answer.then(
      (made) => reply.send(made),
      (error: unknown) => {
        if (!gone.signal.aborted) reply.send(answerOfThrown(deps.log, error));
      },
    );
  };
}

/** Reads the body while it is there. */
function readReplay({ registry }: ApiDependencies, { body, headers, caller }: ApiRequest): Replay | Answer {
  if (body.length === 0) return problem(400, "body_missing", "The request has no body.");
  if (!isJson(headers.contentType))
    return problem(415, "unsupported_media_type", "The Content-Type must be application/json.");
  const read: { readonly value: unknown } | { readonly refusal: Refusal } = parseJson(body);
  if ("refusal" in read) return problemOfRefusal(read.refusal);
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return problemOfRefusal(invalid([{ path: "", message: "expected an object" }]).refusal);
  const { dry_run = false, ...filters } = value as { readonly dry_run?: unknown };
  const faults = [...(registry.get(REPLAY_TYPE)?.faultsOf(filters) ?? [])];
  if (typeof dry_run !== "boolean") faults.push({ path: "/dry_run", message: "expected a boolean" });
  if (faults.length > 0) return problemOfRefusal(invalid(faults).refusal);
  return scopeRefusal(caller, "read") ?? { filters, body: new Uint8Array(body), isDryRun: dry_run === true };
}

async function count({ replays, queue }: ApiDependencies, { filters }: Replay, scan: ReplayScan): Promise<Answer> {
  let matched = 0;
  for await (const { ids } of replays.matching(filters, queue.ids.next(), scan)) matched += ids.length;
  return json(200, JSON.stringify({ matched }));
}

async function start(
  deps: ApiDependencies,
  request: Pick<ApiRequest, "chargeJobs" | "caller" | "headers">,
  { filters, body }: Replay,
): Promise<Answer> {
  const { registry, settings } = deps;
  const submission = ownedBy(
    {
      type: REPLAY_TYPE,
      payload: JSON.stringify(filters),
      priority: 5,
      maxAttempts: registry.get(REPLAY_TYPE)?.definition.attempts ?? 1,
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
