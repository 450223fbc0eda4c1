import { artifactReadErrors } from "../../artifacts/error-codes.ts";
import { type CodesOf, jobErrors } from "../../core/job-errors.ts";
import { outboundErrors } from "../../net/error-codes.ts";

/** The error codes of the job type `email`. */
export const emailErrors = {
  smtp_NNN: "The SMTP server's reply, as in `smtp_550`: 4yz is retried, 5yz is final",
  smtp_deferred: "The server deferred a recipient without a code; retried",
  smtp_auth:
    "The SMTP server did not accept the credentials; waits without counting an attempt, as with `smtp_530`, `smtp_535` and any reply that rejects every client",
  smtp_tls:
    "TLS with the SMTP server failed, for example because its certificate is not trusted; waits without counting an attempt",
  smtp_dns: "The name of the SMTP server cannot be resolved; waits without counting an attempt",
  smtp_connection: "The SMTP server cannot be reached, or the connection was lost; retried",
  smtp_timeout: "The SMTP server did not reply in time; retried",
  smtputf8_unsupported:
    "An address has letters beyond ASCII before its @, and the SMTP server does not offer SMTPUTF8. Nothing was sent",
  message_too_large: "The message is larger than the SMTP server accepts. Nothing was sent",
  delivery_unknown:
    "The message was sent, and the connection ended or timed out before the server replied. Final, or retried if EMAIL_UNKNOWN_OUTCOME is `retry`",
  stopped: "The attempt was stopped after some recipients had received the message; the next attempt sends to the rest",
  smtp_busy: "All connections to the SMTP server were in use for a minute; waits without counting an attempt",
  smtp_rate: "SMTP_RATE was reached for too long; waits without counting an attempt",
  smtp_not_configured: "SMTP_URL is not set",
  subject_missing: "Neither the job nor its template has a subject",
  template_not_configured: "EMAIL_TEMPLATES_DIR is not set",
  template_unknown: "The template does not exist",
  template_invalid: "The template cannot be read or filled",
  template_too_large:
    "The template produces too much text from this data: more than 2,097,152 characters, or lists inside lists that multiply",
  template_too_slow: "Filling the template took too long",
  attachment_refused: "The URL of an attachment returned a final status",
  attachment_unreachable: "The URL of an attachment did not respond, or returned 408, 425 or 5xx; retried",
  attachment_busy: "The URL of an attachment returned 429; waits without counting an attempt",
  attachment_limited:
    "Too many attachments are being fetched from the host, or are waiting to be sent; waits without counting an attempt",
  attachment_too_large: "The attachments together are too large",
  ...artifactReadErrors,
  ...outboundErrors,
};

export const emailError = jobErrors(emailErrors);
export type EmailErrorCode = CodesOf<typeof emailErrors>;
