import { jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** The error codes of the job type `webhook`. */
export const webhookErrors = {
  http_NNN:
    "The status of the receiver's response, as in `http_404`: 408, 425, 429 and 5xx are retried, others are final, unless the job names other statuses",
  network: "The receiver did not respond; retried",
  answer_unreadable: "The receiver's response is not HTTP. The receiver may have acted, so this is final",
  callback_secret_missing: "A callback must be signed, and the replica that sends it has no CALLBACK_SECRET; retried",
  ...outboundErrors,
};

export const webhookError = jobErrors(webhookErrors);
