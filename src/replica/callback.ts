/**
 * The job that delivers a `callback_url`: a webhook like any other, with the finished job, and the API key that
 * submitted it, as its body.
 */
import type { JobJson } from "../api/jobs/job-json.ts";
import { CALLBACK_PRIORITY, CALLBACK_TYPE } from "../core/callback.ts";
import type { CallbackOf } from "../core/job.ts";
import { viewOfSubmission } from "../core/job-view.ts";
import { payloadOf } from "../core/payload.ts";
import { CALLBACK_SECRET_NAME, signingSecrets } from "../jobs/webhook/callback-secret.ts";
import { callbackId } from "../queue/ids.ts";

const ATTEMPTS = 5;

/**
 * @param secrets the secrets that sign the callbacks, separated by spaces; "" for no signature
 * @throws StartError for an invalid secret
 */
export function callbacks(jobJson: JobJson, secrets: string): CallbackOf {
  const signing = signingSecrets(secrets).length === 0 ? "" : `,"secret":${CALLBACK_SECRET_NAME}`;
  return (outcome) => {
    const { callback_url: url, api_key } = outcome.job.options;
    if (url === undefined) return undefined;
    const { status, result, error, attempt, worker, startedAt, finishedAt } = outcome;
    const view = {
      ...viewOfSubmission(outcome.job.id, outcome.job),
      status,
      result,
      error,
      attempt,
      worker,
      started_at: startedAt,
      finished_at: finishedAt,
    };
    // all callbacks have the same signature: only this field shows the receiver which key submitted the job
    const body = `${jobJson(view).slice(0, -1)},"submitted_by":${JSON.stringify(api_key ?? null)}}`;
    const payload = payloadOf(`{"url":${JSON.stringify(url)}${signing},"body":${body}}`);
    return {
      id: callbackId(outcome.job.id),
      submission: {
        type: CALLBACK_TYPE,
        payload,
        priority: CALLBACK_PRIORITY,
        maxAttempts: ATTEMPTS,
        groupKey: null,
        options: api_key === undefined ? {} : { api_key },
      },
    };
  };
}
