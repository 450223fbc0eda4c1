/**
 * Job type `email`: one message, sent through the operator's SMTP server.
 * The SMTP envelope contains only addresses that mailbox.ts has parsed.
 */
import type { Static } from "typebox";
import { Type } from "typebox";
import { artifactSettings, openArtifactStore } from "../../artifacts/settings.ts";
import { exactValue } from "../../core/exact-value.ts";
import type { AttemptContext, Services } from "../../core/job-type.ts";
import { defineJob, exponential } from "../../core/job-type.ts";
import { memberText } from "../../core/json-span.ts";
import { openOutbound, outboundSettings } from "../../net/outbound.ts";
import { Attachments } from "./attachment.ts";
import { deliveryOf } from "./delivery.ts";
import { emailError, emailErrors } from "./error-codes.ts";
import { messageOf } from "./message.ts";
import type { EmailPayload } from "./payload.ts";
import { EmailSchema, issuesOfEmail } from "./payload.ts";
import { SendRate } from "./send-rate.ts";
import { deliver } from "./sending.ts";
import { SendingLimits } from "./sending-limits.ts";
import { ServerTrouble } from "./server-trouble.ts";
import { renderOnThread, renderTemplate } from "./template.ts";
import { templateCheck } from "./template-names.ts";
import { mailSettings, openTransport } from "./transport.ts";

const Settings = Type.Object({
  ...mailSettings,
  ...outboundSettings,
  ARTIFACTS_DIR: Type.Optional(artifactSettings.ARTIFACTS_DIR),
  ARTIFACTS_URL: artifactSettings.ARTIFACTS_URL,
  OUTBOUND_ALLOW_PRIVATE: Type.Optional(outboundSettings.OUTBOUND_ALLOW_PRIVATE),
});

async function openMailer(settings: Static<typeof Settings>, services?: Services) {
  const {
    SMTP_RATE = 0,
    SMTP_GREYLIST_MS = 300_000,
    EMAIL_TEMPLATES_DIR = "",
    ARTIFACTS_DIR = "./data/artifacts",
    OUTBOUND_ALLOW_PRIVATE = false,
  } = settings;
  return {
    ...openTransport(settings),
    rate: new SendRate(SMTP_RATE, services?.sharedMemory?.("email")),
    greylistMs: SMTP_GREYLIST_MS,
    templates: EMAIL_TEMPLATES_DIR,
    store: await openArtifactStore({ ...settings, ARTIFACTS_DIR }),
    outbound: openOutbound({ ...settings, OUTBOUND_ALLOW_PRIVATE }),
    limits: new SendingLimits(),
    trouble: new ServerTrouble(),
  };
}
type Mailer = Awaited<ReturnType<typeof openMailer>>;

/**
 * @throws {RetryableError} some recipients were deferred
 * @throws {PermanentError} all recipients were rejected
 * @throws {RetryAfterError} the server is in trouble
 */
async function send(
  payload: EmailPayload,
  { resource: mailer, signal, state, jobId, onThread, log }: AttemptContext<Mailer>,
) {
  const { pool } = mailer;
  if (pool === undefined)
    throw emailError.permanent("smtp_not_configured", "SMTP_URL is not set, so no email can be sent");
  mailer.rate.sendAwayIfFull();
  mailer.trouble.sendAway();
  const texts =
    payload.template === undefined
      ? { text: payload.body, html: payload.html }
      : await renderOnThread(onThread, mailer.templates);
  const attachments = new Attachments(mailer, signal);
  try {
    await attachments.collect(payload.attachments);
    const message = messageOf(payload, jobId, texts, attachments.files, mailer);
    const { accepted, rejected, response } = await deliver(
      message,
      deliveryOf(state),
      { ...mailer, pool },
      { signal, log },
    );
    return { message_id: message.messageId, accepted, rejected, response };
  } finally {
    attachments.close();
  }
}

export default defineJob({
  type: "email",
  description: "Sends a message through the SMTP server of this installation.",
  lane: "io",
  payload: EmailSchema,
  loadTest: {
    share: 40,
    payload: (n) => ({
      to: `reader-${n}@example.com`,
      subject: `Load test ${n}`,
      body: "A message of ordinary length.\n".repeat(20),
    }),
  },
  check: issuesOfEmail,
  checkHere: templateCheck(),
  needsRead: ({ attachments = [] }) => attachments.some(({ artifact }) => artifact !== undefined),
  settings: Settings,
  result: Type.Object({
    message_id: Type.String(),
    accepted: Type.Array(Type.String()),
    rejected: Type.Array(Type.String()),
    response: Type.String(),
  }),
  errors: emailErrors,
  attempts: 3,
  // the reply after the final dot may take ten minutes (smtp-server.ts), and sending the message precedes it
  timeoutMs: 900_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16 * 1024 * 1024,
  open: openMailer,
  close: async ({ pool, outbound }) => {
    pool?.close();
    await outbound.close();
  },
  tasks: {
    render: ({ template = "", data = {} }: EmailPayload, folder: string, json: string) =>
      renderTemplate(folder, template, exactValue(data, memberText(json, "data") ?? "{}") as object),
  },
  run: send,
});
