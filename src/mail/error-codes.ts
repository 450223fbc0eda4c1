import { outboundErrors } from "../net/error-codes.ts";

/** What a job of type `email` may fail with, for the documentation. */
export const emailErrors = {
  smtp_NNN: "The SMTP server's answer, as in `smtp_550`: 4yz is retried, 5yz is final",
  smtp_deferred: "The server deferred a recipient without a code; retried",
  smtp_auth: "The SMTP server did not accept the credentials",
  smtp_connection: "No connection to the SMTP server, or it broke off; retried",
  smtp_timeout: "The SMTP server gave no answer in time; retried",
  smtp_rate: "SMTP_RATE was reached for too long; waits without counting an attempt",
  smtp_not_configured: "SMTP_URL is not set",
  subject_missing: "Neither the job nor its template has a subject",
  template_not_configured: "EMAIL_TEMPLATES_DIR is not set",
  template_unknown: "There is no such template",
  template_invalid: "The template cannot be read or filled",
  template_too_large: "The template makes too much of this data: more than 2,097,152 characters, or lists inside of lists that multiply",
  template_too_slow: "Filling the template took too long",
  artifact_unknown: "There is no such artifact to attach",
  attachment_refused: "The URL of an attachment answered with a status that is final",
  attachment_unreachable: "The URL of an attachment gave no answer, 408, 425 or 5xx; retried",
  attachment_busy: "The URL of an attachment answered 429 for too long; waits without counting an attempt",
  attachment_limited: "Too many attachments were fetched from its host at once, or were waiting to be sent; waits without counting an attempt",
  attachment_too_large: "The attachments are too large together",
  ...outboundErrors,
};
