/**
 * `POST /api/v1/jobs/replay`, `/cancel`, `/run`, `/update` and `/erase`: starts a job that acts on all jobs that match a
 * filter; or counts them.
 */
import type { Scope } from "../../core/api-key.ts";
import type { BulkAction } from "../../core/bulk.ts";
import { BULK_STATUSES, bulkTypeOf } from "../../core/bulk.ts";
import type { Status } from "../../core/job.ts";
import { TERMINAL_STATUSES } from "../../core/job.ts";
import { ownedBy } from "../../core/ownership.ts";
import { NO_OPTIONS } from "../../core/packed-job.ts";
import type { RerunScan, WalkPage } from "../../core/reruns.ts";
import { RERUN_TYPE } from "../../core/reruns.ts";
import { scopeDenial } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import type { Answer, ApiRequest, Handler } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { callerOf } from "./audit-caller.ts";
import type { BulkBody } from "./bulk-body.ts";
import { readBulkBody } from "./bulk-body.ts";
import { enqueueOne } from "./enqueue-one.ts";
import { BAD_KEY, idempotencyOf, isIdempotencyKey } from "./idempotency.ts";
import { auditAnswer } from "./operation-audit.ts";

/** What distinguishes one bulk call from the others. */
interface BulkCall {
  readonly call: "replay" | BulkAction;
  /** The type of the job that performs it. */
  readonly type: string;
  readonly statuses: readonly Status[];
  /** The scope that it needs besides that of its route. */
  readonly scope: Scope;
  /** Finds the jobs that match. @param id of the job that would perform it */
  readonly matching: (payload: BulkBody["payload"], id: string, scan: RerunScan) => AsyncIterable<WalkPage>;
}

export function rerunJobs(deps: ApiDependencies): Handler {
  const { reruns } = deps;
  const statuses = TERMINAL_STATUSES;
  const matching: BulkCall["matching"] = (payload, id, scan) => reruns.matching(payload, id, scan);
  return bulkHandler(deps, { call: "replay", type: RERUN_TYPE, statuses, scope: "read", matching });
}

export function bulkJobs(deps: ApiDependencies, action: BulkAction): Handler {
  return bulkHandler(deps, {
    call: action,
    type: bulkTypeOf(action),
    statuses: BULK_STATUSES[action],
    scope: "admin",
    matching: (filters, id, scan) => deps.bulk.matching({ action, id, filters }, scan),
  });
}

function bulkHandler(deps: ApiDependencies, bulk: BulkCall): Handler {
  const type = deps.registry.get(bulk.type);
  return (request, reply) => {
    const { idempotencyKey: key } = request.headers;
    const read =
      key === undefined || isIdempotencyKey(key) ? readBulkBody(request, type, bulk.statuses) : { rejection: BAD_KEY };
    const rejection = "rejection" in read ? read.rejection : scopeDenial(request.caller, bulk.scope);
    if (rejection || "rejection" in read) {
      if (rejection) reply.send(rejection);
      return;
    }
    const gone = new AbortController();
    if (read.isDryRun) reply.onGone(() => gone.abort());
    const answer = read.isDryRun
      ? count(deps, bulk, read, { caller: request.caller?.id ?? "", signal: gone.signal })
      : start(deps, bulk, request, read);
    answer.then(
      (made) => reply.send(made),
      (error: unknown) => {
        if (!gone.signal.aborted) reply.send(answerOfThrown(deps.log, error));
      },
    );
  };
}

async function count(
  { queue }: ApiDependencies,
  { matching }: BulkCall,
  { payload }: BulkBody,
  scan: RerunScan,
): Promise<Answer> {
  let matched = 0;
  for await (const { ids } of matching(payload, queue.ids.next(), scan)) matched += ids.length;
  return json(200, JSON.stringify({ matched }));
}

async function start(
  deps: ApiDependencies,
  { call, type }: BulkCall,
  request: Pick<ApiRequest, "chargeJobs" | "caller" | "headers" | "id">,
  { payload, bytes }: BulkBody,
): Promise<Answer> {
  const { registry, settings } = deps;
  const submission = ownedBy(
    {
      type,
      payload: JSON.stringify(payload),
      priority: 5,
      maxAttempts: registry.get(type)?.definition.attempts ?? 1,
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
    key === undefined ? undefined : idempotencyOf(key, caller?.id, call, bytes, settings.idempotencyTtlMs);
  const by = callerOf(request);
  const answer = await enqueueOne(deps)(request, { submission, idempotency, otherUse: "with another body" });
  auditAnswer(deps, by, answer, submission);
  return answer;
}
