import { artifactReadErrors } from "../../artifacts/error-codes.ts";
import { type CodesOf, jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** What a job of type `email` may fail with, for the documentation. */
export const emailErrors = {
  smtp_NNN: "The SMTP server's answer, as in `smtp_550`: 4yz is retried, 5yz is final",
  smtp_deferred: "The server deferred a recipient without a code; retried",
  smtp_auth:
    "The SMTP server did not accept the credentials; waits without counting an attempt, as with `smtp_530`, `smtp_535` and any reply that rejects every client",
  smtp_tls:
    "There is no TLS with the SMTP server, as with a certificate that nobody trusts; waits without counting an attempt",
  smtp_dns: "The name of the SMTP server cannot be resolved; waits without counting an attempt",
  smtp_connection: "No connection to the SMTP server, or it broke off; retried",
  smtp_timeout: "The SMTP server gave no answer in time; retried",
  smtputf8_unsupported:
    "An address has letters beyond ASCII before its @, and the SMTP server does not offer SMTPUTF8. Nothing was sent",
  message_too_large: "The message is larger than the SMTP server takes. Nothing was sent",
  delivery_unknown:
    "The message was sent, and the connection ended, or the time was up, before the server answered. Final, or retried where EMAIL_UNKNOWN_OUTCOME is `retry`",
  stopped: "The attempt was stopped after some of the recipients had got the message; the next one sends to the rest",
  smtp_busy: "All connections to the SMTP server were in use for a minute; waits without counting an attempt",
  smtp_rate: "SMTP_RATE was reached for too long; waits without counting an attempt",
  smtp_not_configured: "SMTP_URL is not set",
  subject_missing: "Neither the job nor its template has a subject",
  template_not_configured: "EMAIL_TEMPLATES_DIR is not set",
  template_unknown: "There is no such template",
  template_invalid: "The template cannot be read or filled",
  template_too_large:
    "The template makes too much of this data: more than 2,097,152 characters, or lists inside of lists that multiply",
  template_too_slow: "Filling the template took too long",
  attachment_refused: "The URL of an attachment answered with a status that is final",
  attachment_unreachable: "The URL of an attachment gave no answer, 408, 425 or 5xx; retried",
  attachment_busy: "The URL of an attachment answered 429 for too long; waits without counting an attempt",
  attachment_limited:
    "Too many attachments were fetched from its host at once, or were waiting to be sent; waits without counting an attempt",
  attachment_too_large: "The attachments are too large together",
  ...artifactReadErrors,
  ...outboundErrors,
};

export const emailError = jobErrors(emailErrors);
export type EmailErrorCode = CodesOf<typeof emailErrors>;
