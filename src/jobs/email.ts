/**
 * Job type `email`: one message, sent through the operator's SMTP server.
 * The SMTP envelope is made of the addresses as mailbox.ts reads them, and of nothing else.
 */
import type { NodemailerError, SendMailOptions } from "nodemailer";
import { Type } from "typebox";
import type { Static } from "typebox";
import { artifactSettings, openArtifactStore } from "../artifacts/settings.ts";
import { exactValue } from "../core/exact-value.ts";
import { defineJob, exponential, PermanentError } from "../core/job-type.ts";
import type { AttemptContext, Services } from "../core/job-type.ts";
import { memberText } from "../core/json-span.ts";
import { Attachments } from "../mail/attachment.ts";
import { failureOf, judgeAnswers, NOTHING_YET } from "../mail/delivery.ts";
import type { Delivery } from "../mail/delivery.ts";
import { emailErrors } from "../mail/error-codes.ts";
import { mailboxes } from "../mail/mailbox.ts";
import { EmailSchema, faultsOfEmail } from "../mail/payload.ts";
import type { EmailPayload } from "../mail/payload.ts";
import { SendRate } from "../mail/send-rate.ts";
import { SendingLimits } from "../mail/sending-limits.ts";
import { slicedText } from "../mail/slices.ts";
import { renderOnThread, renderTemplate } from "../mail/template.ts";
import { templateCheck } from "../mail/template-names.ts";
import { mailSettings, openTransport } from "../mail/transport.ts";
import { unsubscribeHeaders } from "../mail/unsubscribe.ts";
import { openOutbound, outboundSettings } from "../net/outbound.ts";

const Settings = Type.Object({
  ...mailSettings,
  ...outboundSettings,
  ARTIFACTS_DIR: Type.Optional(artifactSettings.ARTIFACTS_DIR),
  ARTIFACTS_URL: artifactSettings.ARTIFACTS_URL,
  OUTBOUND_ALLOW_PRIVATE: Type.Optional(outboundSettings.OUTBOUND_ALLOW_PRIVATE),
});

async function openMailer(settings: Static<typeof Settings>, services?: Services) {
  const { SMTP_RATE = 0, SMTP_GREYLIST_MS = 300_000, EMAIL_TEMPLATES_DIR = "", ARTIFACTS_DIR = "./data/artifacts", OUTBOUND_ALLOW_PRIVATE = false } = settings;
  return {
    ...openTransport(settings),
    rate: new SendRate(SMTP_RATE, services?.sharedMemory?.("email")),
    greylistMs: SMTP_GREYLIST_MS,
    templates: EMAIL_TEMPLATES_DIR,
    store: await openArtifactStore({ ...settings, ARTIFACTS_DIR }),
    outbound: openOutbound({ ...settings, OUTBOUND_ALLOW_PRIVATE }),
    limits: new SendingLimits(),
  };
}
type Mailer = Awaited<ReturnType<typeof openMailer>>;

/** All of the message but its attachments. */
async function compose(payload: EmailPayload, done: Delivery, { tool: mailer, jobId, onThread }: AttemptContext<Mailer>): Promise<SendMailOptions> {
  const from = mailboxes(payload.from)[0] ?? mailer.from;
  const [to, cc] = [mailboxes(payload.to), mailboxes(payload.cc)];
  const recipients = [...to, ...cc, ...mailboxes(payload.bcc)].map(({ address }) => address);
  const { subject, text, html } = payload.template === undefined ? { ...payload, text: payload.body } : await renderOnThread(onThread, mailer.templates);
  if (payload.subject === undefined && subject === undefined) throw new PermanentError("neither the job nor its template has a subject", { code: "subject_missing" });
  return {
    envelope: { from: from.address, to: recipients.filter((address) => !done.accepted.includes(address) && !done.rejected.includes(address)) },
    // the same on each attempt, so that a repeat after a lost answer can be told from a second message
    messageId: `<${jobId}@taskflow.${from.address.slice(from.address.lastIndexOf("@") + 1)}>`,
    ...{ from, to, cc },
    replyTo: mailboxes(payload.reply_to),
    subject: payload.subject ?? subject,
    text: slicedText(text ?? ""),
    html: slicedText(html ?? ""),
    headers: { ...payload.headers, ...(payload.list_unsubscribe && unsubscribeHeaders(payload.list_unsubscribe)) },
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** @throws {RetryableError} some recipients were deferred; {@link PermanentError} all were refused; and what an attempt ends with */
async function send(payload: EmailPayload, context: AttemptContext<Mailer>) {
  const { tool: mailer, signal, state } = context;
  const { transport, greylistMs } = mailer;
  if (transport === undefined) throw new PermanentError("SMTP_URL is not set, so no email can be sent", { code: "smtp_not_configured" });
  mailer.rate.sendAwayIfFull();
  const done = (state ?? NOTHING_YET) as Delivery;
  const message = await compose(payload, done, context);
  const attachments = new Attachments(mailer, signal);
  try {
    await attachments.gather(payload.attachments);
    await mailer.rate.turn(signal);
    const sent = await transport.sendMail({ ...message, attachments: attachments.files, signal }).catch((thrown: unknown) => {
      signal.throwIfAborted();
      const { rejectedErrors } = thrown as NodemailerError;
      if (rejectedErrors === undefined || rejectedErrors.length === 0) throw failureOf(thrown, greylistMs);
      return { rejectedErrors };
    });
    const { accepted, rejected, response } = judgeAnswers(done, sent, greylistMs);
    return { message_id: message.messageId, accepted, rejected, response };
  } finally {
    attachments.close();
  }
}

export default defineJob({
  type: "email",
  lane: "io",
  payload: EmailSchema,
  check: faultsOfEmail,
  checkHere: templateCheck(),
  needsRead: ({ attachments = [] }) => attachments.some(({ artifact }) => artifact !== undefined),
  settings: Settings,
  result: Type.Object({ message_id: Type.String(), accepted: Type.Array(Type.String()), rejected: Type.Array(Type.String()), response: Type.String() }),
  errors: emailErrors,
  attempts: 3,
  timeoutMs: 30_000,
  backoff: exponential(1_000, 600_000),
  maxBodyBytes: 16 * 1024 * 1024,
  open: openMailer,
  close: async ({ transport, outbound }) => {
    transport?.close();
    await outbound.close();
  },
  tasks: {
    render: ({ template = "", data = {} }: EmailPayload, folder: string, json: string) => renderTemplate(folder, template, exactValue(data, memberText(json, "data") ?? "{}") as object),
  },
  run: send,
});
