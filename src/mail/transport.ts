/** The way to the operator's SMTP server: settings, connection pool, signature (DKIM, RFC 6376). */
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createTransport } from "nodemailer";
import { Type } from "typebox";
import type { Static, TObject } from "typebox";
import { messageOf, StartError } from "../errors.ts";
import { parseMailbox } from "./mailbox.ts";

/** RFC 5321 allows minutes; a slot is too dear for that, and a retry follows. */
const PHASE_TIMEOUT_MS = 10_000;

const none = "Empty: messages are not signed";
export const mailSettings = {
  SMTP_URL: Type.String({ default: "", description: "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: email jobs fail, but where a mail catcher is started" }),
  SMTP_CONNECTIONS: Type.Integer({ minimum: 1, maximum: 100, default: 5, description: "Connections that one replica keeps to the SMTP server" }),
  SMTP_RATE: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000, default: 0, description: "Messages a second that one replica gives to the SMTP server, at most. 0: no limit" })),
  SMTP_GREYLIST_MS: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 86_400_000, default: 300_000, description: "How long a message that was greylisted waits at least before the next attempt" })),
  EMAIL_FROM: Type.String({ default: "taskflow@localhost", description: "The sender of an email job that names none" }),
  EMAIL_TEMPLATES_DIR: Type.Optional(Type.String({ default: "", isFolder: true, description: "The folder of email templates: `NAME.subject`, `NAME.txt`, `NAME.html`. Empty: there are none" })),
  DKIM_DOMAIN: Type.Optional(Type.String({ default: "", pattern: "^(?:[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+)?$", expected: "a domain such as example.com", description: `The domain that signs messages (DKIM). ${none}` })),
  DKIM_SELECTOR: Type.Optional(Type.String({ default: "", pattern: "^(?:[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*)?$", expected: "a name of letters, digits, - and .", description: "The name of its key in DNS, before `._domainkey`" })),
  DKIM_KEY_FILE: Type.Optional(Type.String({ default: "", description: "The file of its private RSA key, PEM" })),
};
export type MailSettings = Static<TObject<typeof mailSettings>>;

// The library's own choice, and List-Unsubscribe-Post, which RFC 8058, 4 wants signed.
const SIGNED_HEADERS =
  "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:In-Reply-To:References:List-Id:List-Unsubscribe:List-Unsubscribe-Post";

/** Sockets open with the first message, so a server that is away at start does no harm. @throws {StartError} for settings that cannot work */
export function openTransport(settings: MailSettings) {
  const { SMTP_URL, SMTP_CONNECTIONS } = settings;
  const from = readSender(settings);
  const dkim = readDkim(settings);
  if (SMTP_URL === "") return { from, transport: undefined };
  // the value itself is not named: it holds a password
  if (!/^smtps?:\/\/[^/?#]/.test(SMTP_URL) || !URL.canParse(SMTP_URL)) throw new StartError("SMTP_URL: expected smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…");
  const timeouts = { dnsTimeout: PHASE_TIMEOUT_MS, connectionTimeout: PHASE_TIMEOUT_MS, greetingTimeout: PHASE_TIMEOUT_MS, socketTimeout: PHASE_TIMEOUT_MS };
  // the pool repeats by itself only what it had not begun to send: twice, for idle connections that the server has dropped
  const transport = createTransport({ url: SMTP_URL, pool: true, maxConnections: SMTP_CONNECTIONS, maxRequeues: 2, ...timeouts, ...(dkim && { dkim }) });
  return { from, transport };
}

/** Who a message is from that says nothing of it. @throws {StartError} for what is no address */
export function readSender({ EMAIL_FROM }: Pick<MailSettings, "EMAIL_FROM">) {
  const from = parseMailbox(EMAIL_FROM);
  if (from === undefined) throw new StartError("EMAIL_FROM: expected one address, such as taskflow@example.com");
  return from;
}

function readDkim({ DKIM_DOMAIN: domainName = "", DKIM_SELECTOR: keySelector = "", DKIM_KEY_FILE: file = "" }: MailSettings) {
  if (domainName === "" && keySelector === "" && file === "") return undefined;
  if (domainName === "" || keySelector === "" || file === "") throw new StartError("DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY_FILE: expected all three, or none");
  try {
    const privateKey = readFileSync(file, "utf8");
    const { asymmetricKeyType: kind = "unknown" } = createPrivateKey(privateKey);
    if (kind !== "rsa") throw new Error(`it is a key of kind ${kind}`);
    return { domainName, keySelector, privateKey, headerFieldNames: SIGNED_HEADERS };
  } catch (thrown) {
    throw new StartError(`DKIM_KEY_FILE: ${file} holds no private RSA key in PEM: ${messageOf(thrown)}`, thrown);
  }
}
