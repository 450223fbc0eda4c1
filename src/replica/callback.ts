/** The job that delivers a `callback_url`: a webhook like any other, with the finished job as its body. */
import { createHash } from "node:crypto";
import type { JobJson } from "../api/job-json.ts";
import type { CallbackOf } from "../core/job.ts";
import { viewOfSubmission } from "../core/job-view.ts";
import { payloadOf } from "../core/payload.ts";
import { StartError } from "../errors.ts";
import { MAX_SECRETS, secretFault } from "../webhooks/signature.ts";

const ATTEMPTS = 5;

/**
 * @param secrets what the callbacks are signed with, with spaces between; "" for no signature
 * @throws StartError for a secret that is none
 */
export function callbacks(jobJson: JobJson, secrets: string): CallbackOf {
  const list = signingSecrets(secrets);
  const signing = list.length === 0 ? "" : `,"secret":${JSON.stringify(list)}`;
  return (outcome) => {
    const { callback_url: url, api_key } = outcome.job.options;
    if (url === undefined) return undefined;
    const { status, result, error, attempt, worker, startedAt, finishedAt } = outcome;
    const view = { ...viewOfSubmission(outcome.job.id, outcome.job), status, result, error, attempt, worker, started_at: startedAt, finished_at: finishedAt };
    const payload = `{"url":${JSON.stringify(url)}${signing},"body":${jobJson(view)}}`;
    return { id: callbackId(outcome.job.id), submission: { type: "webhook", payload: payloadOf(payload), priority: 5, maxAttempts: ATTEMPTS, groupKey: null, options: api_key === undefined ? {} : { api_key } } };
  };
}

/** @throws StartError for a secret that is none, or for too many */
export function signingSecrets(secrets: string): readonly string[] {
  const list = secrets.split(/\s+/).filter((secret) => secret !== "");
  if (list.length > MAX_SECRETS) throw new StartError(`CALLBACK_SECRET: expected at most ${MAX_SECRETS} secrets, got ${list.length}`);
  for (const fault of list.map(secretFault)) if (fault !== undefined) throw new StartError(`CALLBACK_SECRET: each secret ${fault}`);
  return list;
}

/** The id of a job's callback: it follows from the job's, so that a settle that is repeated enqueues it once. */
function callbackId(id: string): string {
  const digits = createHash("sha256").update(`callback ${id}`).digest("hex");
  return `${id.slice(0, 20)}${digits.slice(0, 3)}-${digits.slice(3, 15)}`;
}
