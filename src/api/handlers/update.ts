/** `PATCH /api/v1/jobs/{id}` and `POST /api/v1/jobs/{id}/run`: changes of a waiting job. */
import { at } from "../../core/at.ts";
import { type BodyTask, type ParsedBody, parseBody } from "../../core/body.ts";
import { CALLBACK_TYPE } from "../../core/callback.ts";
import type { Job } from "../../core/job.ts";
import type { ChangedSubmission } from "../../core/job-patch.ts";
import { viewOf } from "../../core/job-view.ts";
import { memberTexts } from "../../core/json-span.ts";
import { mayActOn, mayChangePayload } from "../../core/ownership.ts";
import type { Payload } from "../../core/payload.ts";
import { isLarge, sizeOf, wholePayload } from "../../core/payload.ts";
import { QueueUnavailable } from "../../errors.ts";
import type { UpdateAnswer } from "../../queue/updates.ts";
import { scopeDenial } from "../access/authentication.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { isMergePatch } from "../http/content-type.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { jobNotFound, problem, problemOfRejection } from "../http/problem.ts";
import { amendAccepted } from "../jobs/amend-accepted.ts";
import { isCallbackPayload } from "../jobs/callback-payload.ts";
import { findJob } from "../jobs/find-job.ts";
import { jobAnswerJson } from "../jobs/job-answer.ts";
import { jobJson } from "../jobs/job-json.ts";
import { callerOf } from "./audit-caller.ts";
import { alreadyFinished, idOf } from "./jobs.ts";
import { auditOperations } from "./operation-audit.ts";

/** A patch and a payload that are larger together are parsed on a pool thread, as in a submission. */
const LARGE_BYTES = 256 * 1024;

/** Makes the change in Redis; an `Answer` rejects the request. */
type Change = () => Promise<UpdateAnswer | Answer>;

export function runJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const change = changing(deps);
  return async (request) => {
    const rejection = rejectionOfBody(request);
    if (rejection) return rejection;
    const id = idOf(request);
    return change(request, id, async () => {
      const answer = at(await deps.queue.run([id]), 0);
      if (answer.kind !== "unchanged") return answer;
      return answer.job.status === "waiting"
        ? problem(409, "job_waiting", `The job ${id} waits for other jobs of its flow.`)
        : problem(409, "job_due", `The job ${id} is due already: it waits for its turn.`);
    });
  };
}

export function updateJob(deps: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  const change = changing(deps);
  return async (request) => {
    const { body, headers, caller } = request;
    if (body.length === 0) return problem(400, "body_missing", "The request has no body.");
    if (!isMergePatch(headers.contentType))
      return problem(
        415,
        "unsupported_media_type",
        "The Content-Type must be application/merge-patch+json or application/json.",
      );
    const patch = request.takeBody();
    const id = idOf(request);
    const by = callerOf(request);
    const unreadable = await rejectionOfText(deps, patch);
    if (unreadable) return unreadable;
    return change(request, id, async () => {
      let rejection: Answer | undefined;
      let changed: ChangedSubmission | undefined;
      const answer = await deps.queue.update(id, async (job) => {
        [rejection, changed] = [undefined, undefined]; // the job may be read several times
        rejection = rejectionOfReferences(patch, job);
        if (rejection) return undefined;
        const parsed = await parsePatch(deps, patch, job);
        rejection =
          "rejection" in parsed ? problemOfRejection(parsed.rejection) : denialOf(parsed, caller, job.options);
        if (rejection || "rejection" in parsed) return undefined;
        const submission: ChangedSubmission = at(parsed.submissions, 0);
        if (parsed.isPayloadKept) return { ...submission, payload: job.payload };
        changed = submission;
        return submission;
      });
      if (changed && answer.kind === "updated") auditOperations(deps, by, [id], [changed]);
      return answer.kind === "unchanged" && rejection ? rejection : answer;
    });
  };
}

/** The rejection of a patch that is no JSON, whatever the state of its job. */
async function rejectionOfText(
  { queue, registry, settings, parseLarge }: ApiDependencies,
  patch: Uint8Array,
): Promise<Answer | undefined> {
  const { maxBodyBytes } = settings;
  const task = { kind: "single", maxBodyBytes, now: queue.clock.now(), durability: "redis" } as const;
  // As a submission, a patch is invalid: only its text counts
  const parsed = await (patch.length <= LARGE_BYTES
    ? parseBody({ ...task, bytes: patch }, registry.get)
    : parseLarge({ ...task, bytes: Uint8Array.from(patch) }));
  return "rejection" in parsed && parsed.rejection.status === 400 ? problemOfRejection(parsed.rejection) : undefined;
}

/** The payload of a job of a flow that refers to others is checked when these have ended. */
function rejectionOfReferences(patch: Uint8Array, { id, options: { flow } }: Job): Answer | undefined {
  const text = flow?.refs ? new TextDecoder().decode(patch).trim() : "";
  if (!text.startsWith("{") || !memberTexts(text).has("payload")) return undefined;
  const detail = `The payload of the job ${id} refers to results of other jobs: it cannot be changed.`;
  return problem(409, "payload_with_references", detail);
}

/** The denial of a patch whose payload needs a scope: as a submission of it, or as the payload of another caller. */
function denialOf(
  { needsRead, needsAdmin, isPayloadKept }: Exclude<ParsedBody, { rejection: unknown }>,
  caller: ApiRequest["caller"],
  options: Job["options"],
): Answer | undefined {
  if (needsAdmin || !(isPayloadKept || mayChangePayload(caller, options))) return scopeDenial(caller, "admin");
  return needsRead ? scopeDenial(caller, "read") : undefined;
}

/** The submission of a job after a patch, or the rejection of the patch. */
async function parsePatch(
  { queue, registry, settings, parseLarge }: ApiDependencies,
  patch: Uint8Array,
  job: Job,
): Promise<ParsedBody> {
  const { id, type, priority, maxAttempts, groupKey, options, attempt, payload } = job;
  const text = Buffer.from(patch.buffer, patch.byteOffset, patch.length);
  const mayNamePayload = text.includes("payload") || text.includes("\\u");
  const stored = mayNamePayload ? await storedPayload(queue, id, payload) : undefined;
  const size = stored === undefined ? 0 : sizeOf(stored);
  const isCallback = stored !== undefined && type === CALLBACK_TYPE && isCallbackPayload(job, jsonOf(stored));
  const task: BodyTask = {
    bytes: Uint8Array.from(patch),
    kind: "single",
    maxBodyBytes: settings.maxBodyBytes,
    now: queue.clock.now(),
    durability: "redis",
    patched: {
      ...{ type, priority, maxAttempts, groupKey, options, attempt },
      payload: stored !== undefined && isLarge(stored) ? stored.data : stored,
      isCallback,
    },
  };
  return patch.length + size <= LARGE_BYTES ? parseBody(task, registry.get) : parseLarge(task);
}

function jsonOf(payload: Payload): string {
  return isLarge(payload) ? new TextDecoder().decode(payload.data) : payload;
}

/** @throws QueueUnavailable if the job has ended or changed since it was read */
async function storedPayload(queue: ApiDependencies["queue"], id: string, payload: Payload): Promise<Payload> {
  const whole = await wholePayload(payload, (size) => queue.payload(id, size));
  if (whole === undefined || sizeOf(whole) !== sizeOf(payload))
    throw new QueueUnavailable("the job changed while it was read");
  return whole;
}

/** Finds the job for the caller, changes it, and stores the change wherever the submission is stored. */
function changing(
  deps: ApiDependencies,
): (request: Pick<ApiRequest, "caller">, id: string, change: Change) => Promise<Answer> {
  const { queue, store } = deps;
  const toJson = jobAnswerJson(jobJson(deps.registry));
  return async ({ caller }, id, change) => {
    const inRedis = async (): Promise<Job | undefined> =>
      (await queue.readHeaders([id])).find(({ options }) => mayActOn(caller, options));
    const found = await findJob(store, id, { caller, inRedis });
    if (!found) return jobNotFound(id);
    if (found.source === "postgres") return alreadyFinished(found.row);
    if (found.source === "accepted") throw new QueueUnavailable("the job is not in Redis yet");
    const answer = await change();
    if (!("kind" in answer)) return answer;
    switch (answer.kind) {
      case "updated":
      case "unchanged":
        await amendAccepted(deps, answer.job);
        return json(200, toJson(caller, viewOf(answer.job)));
      case "running":
        return problem(409, "job_running", `The job ${id} runs already.`);
      case "finished":
        return alreadyFinished(viewOf(answer.job));
      case "missing": {
        const row = await store.get(id); // it was recorded meanwhile
        return row ? alreadyFinished(row) : jobNotFound(id);
      }
    }
  };
}
