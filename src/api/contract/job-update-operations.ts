/** The calls that change one job. */
import type { TSchema } from "typebox";
import { Type } from "typebox";
import { PATCH_FIELDS } from "../../core/job-patch.ts";
import { submissionSchema } from "../../core/submission.ts";
import { cancelJob, JOB_OR_RECEIPT, ONE_JOB_PROBLEMS, OWN_JOBS_ONLY } from "./job-operations.ts";
import { NO_FIELDS, NO_FIELDS_PROBLEMS } from "./no-fields.ts";
import type { Operation } from "./operation.ts";

export const cancelJobByPost: Operation = {
  ...cancelJob,
  method: "POST",
  pattern: "/api/v1/jobs/{id}/cancel",
  id: "cancelJobByPost",
  summary: "Cancel a job, for clients that cannot send DELETE",
  body: NO_FIELDS,
  isBodyOptional: true,
  problems: [...ONE_JOB_PROBLEMS, ...NO_FIELDS_PROBLEMS, "job_finished"],
};

const WAITING_JOB_PROBLEMS = [...ONE_JOB_PROBLEMS, "job_running", "job_finished"];

export const runJob: Operation = {
  method: "POST",
  pattern: "/api/v1/jobs/{id}/run",
  access: "submit",
  id: "runJob",
  tag: "Jobs",
  summary: "Run a scheduled or retrying job now",
  description: `Makes the job due now: it waits for its turn like any other job. A retrying job keeps its attempts.\n\n${OWN_JOBS_ONLY}`,
  body: NO_FIELDS,
  isBodyOptional: true,
  answers: { 200: { description: "The job, which is now queued", content: JOB_OR_RECEIPT } },
  problems: [...WAITING_JOB_PROBLEMS, "job_due", "job_waiting", ...NO_FIELDS_PROBLEMS],
};

/** The fields of a patch, each with the rules of a new submission; null restores the default. */
export const jobPatch = Type.Object(
  Object.fromEntries(
    PATCH_FIELDS.map((name) => {
      const schema: TSchema = submissionSchema.properties[name];
      return [name, Type.Optional(name === "payload" ? schema : Type.Union([schema, Type.Null()]))];
    }),
  ),
  { additionalProperties: false },
);

export const updateJob: Operation = {
  method: "PATCH",
  pattern: "/api/v1/jobs/{id}",
  access: "submit",
  id: "updateJob",
  tag: "Jobs",
  summary: "Change a waiting job",
  description: [
    "A JSON Merge Patch (RFC 7396): fields that it does not name stay, and members of `payload` are merged.",
    "`null` for `run_at` or `delay_ms` makes the job due now; for `tags` or `expires_at` it removes them; for `priority` or `max_attempts` it restores the default.",
    'The payload is then checked like that of a new job. A value that reads back as `"[redacted]"`, and is sent back so, stays as it is.',
    "`payload` may be changed by the key that submitted the job, and with the scope `admin`; that of a rerun with `admin` alone, that of a callback by nobody. It needs the scopes that a new job with this payload needs.",
    `The job runs either as it was before or as it is after the call. With another priority, it joins the end of its group there.\n\n${OWN_JOBS_ONLY}`,
  ].join(" "),
  body: { "application/merge-patch+json": { schema: jobPatch }, "application/json": { schema: jobPatch } },
  answers: { 200: { description: "The changed job", content: JOB_OR_RECEIPT } },
  problems: [
    ...WAITING_JOB_PROBLEMS,
    ...["body_missing", "invalid_utf8", "malformed_json", "json_too_deep", "unsupported_media_type"],
    ...["validation_failed", "body_too_complex", "scope_missing", "callback_payload", "payload_with_references"],
  ],
};
