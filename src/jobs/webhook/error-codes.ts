import { jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** What a job of type `webhook` may fail with, for the documentation. */
export const webhookErrors = {
  http_NNN:
    "The receiver's answer, as in `http_404`: 408, 425, 429 and 5xx are retried, others are final, unless the job names other statuses",
  network: "The receiver gave no answer; retried",
  answer_unreadable: "The receiver answered with what is not HTTP. It may have acted, so this is final",
  callback_secret_missing: "A callback is to be signed, and the replica that sends it has no CALLBACK_SECRET; retried",
  ...outboundErrors,
};

export const webhookError = jobErrors(webhookErrors);
