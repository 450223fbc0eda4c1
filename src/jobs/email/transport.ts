/** The operator's SMTP server: settings, connection pool, signature (DKIM, RFC 6376). */
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import DKIM from "nodemailer/lib/dkim";
import type { Static, TObject } from "typebox";
import { Type } from "typebox";
import { messageOf, StartError } from "../../errors.ts";
import { parseMailbox } from "./mailbox.ts";
import { SmtpPool } from "./smtp-pool.ts";
import { readSmtpServer } from "./smtp-server.ts";

const none = "Empty: messages are not signed";
export const mailSettings = {
  SMTP_URL: Type.String({
    secret: true,
    default: "",
    description:
      "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: email jobs fail, unless a mail catcher is started",
  }),
  SMTP_CONNECTIONS: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 5,
    description: "Connections that one replica keeps to the SMTP server",
  }),
  SMTP_RATE: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 0,
      description: "The most messages that one replica sends per second. 0: no limit",
    }),
  ),
  SMTP_GREYLIST_MS: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: 86_400_000,
      default: 300_000,
      description: "The least wait of a greylisted message before its next attempt, in milliseconds",
    }),
  ),
  SMTP_CA_FILE: Type.Optional(
    Type.String({
      default: "",
      description:
        "A PEM file of certificate authorities to trust for the SMTP server, in addition to those of Node.js. Empty: none",
    }),
  ),
  EMAIL_FROM: Type.String({ default: "taskflow@localhost", description: "The sender of an email job without `from`" }),
  EMAIL_ENVELOPE_FROM: Type.Optional(
    Type.String({
      default: "",
      description:
        "The sender of the SMTP envelope, which receives bounces, of an email job without `envelope_from`. Empty: the address of its `from`",
    }),
  ),
  EMAIL_UNKNOWN_OUTCOME: Type.Optional(
    Type.Enum(["fail", "retry", "accept"], {
      default: "fail",
      description:
        "What to do with a message that was sent but not acknowledged: `fail` (`delivery_unknown`, never sent twice), `retry` (it may arrive twice), `accept` (it counts as sent)",
    }),
  ),
  EMAIL_TEMPLATES_DIR: Type.Optional(
    Type.String({
      default: "",
      isFolder: true,
      description: "The folder of email templates: `NAME.subject`, `NAME.txt`, `NAME.html`. Empty: no templates",
    }),
  ),
  DKIM_DOMAIN: Type.Optional(
    Type.String({
      default: "",
      pattern: "^(?:[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+)?$",
      expected: "a domain such as example.com",
      description: `The domain that signs messages (DKIM). ${none}`,
    }),
  ),
  DKIM_SELECTOR: Type.Optional(
    Type.String({
      default: "",
      pattern: "^(?:[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)*)?$",
      expected: "a name of letters, digits, - and .",
      description: "The name of the DKIM key in DNS, before `._domainkey`",
    }),
  ),
  DKIM_KEY_FILE: Type.Optional(
    Type.String({ default: "", description: "The PEM file of the private RSA key of DKIM" }),
  ),
};
export type MailSettings = Static<TObject<typeof mailSettings>>;

// The library's default, and List-Unsubscribe-Post, which must be signed (RFC 8058, 4).
const SIGNED_HEADERS =
  "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:In-Reply-To:References:List-Id:List-Unsubscribe:List-Unsubscribe-Post";

/** @throws {StartError} a setting is invalid */
export function openTransport(settings: MailSettings) {
  const { SMTP_CONNECTIONS, EMAIL_UNKNOWN_OUTCOME: unknownOutcome = "fail" } = settings;
  const { from, envelopeFrom, server } = checkMailSettings(settings);
  return {
    from,
    envelopeFrom,
    dkim: readDkim(settings),
    pool: server && new SmtpPool(server, SMTP_CONNECTIONS),
    unknownOutcome,
  };
}

/** Checks the settings without opening anything. @throws {StartError} an address or SMTP_URL is invalid */
export function checkMailSettings(
  settings: Pick<MailSettings, "EMAIL_FROM" | "EMAIL_ENVELOPE_FROM" | "SMTP_URL" | "SMTP_CA_FILE">,
) {
  const { SMTP_URL, SMTP_CA_FILE = "" } = settings;
  return {
    from: readSender(settings),
    envelopeFrom: readEnvelopeSender(settings),
    server: SMTP_URL === "" ? undefined : readSmtpServer(SMTP_URL, SMTP_CA_FILE),
  };
}

/** The sender of messages without `from`. @throws {StartError} EMAIL_FROM is not an address */
function readSender({ EMAIL_FROM }: Pick<MailSettings, "EMAIL_FROM">) {
  const from = parseMailbox(EMAIL_FROM);
  if (from === undefined) throw new StartError("EMAIL_FROM: expected one address, such as taskflow@example.com");
  return from;
}

function readEnvelopeSender({
  EMAIL_ENVELOPE_FROM: text = "",
}: Pick<MailSettings, "EMAIL_ENVELOPE_FROM">): string | undefined {
  if (text === "") return undefined;
  const { name, address } = parseMailbox(text) ?? {};
  if (address === undefined || name !== "")
    throw new StartError("EMAIL_ENVELOPE_FROM: expected an address without a name, such as bounces@example.com");
  return address;
}

function readDkim({
  DKIM_DOMAIN: domainName = "",
  DKIM_SELECTOR: keySelector = "",
  DKIM_KEY_FILE: file = "",
}: MailSettings) {
  if (domainName === "" && keySelector === "" && file === "") return undefined;
  if (domainName === "" || keySelector === "" || file === "")
    throw new StartError("DKIM_DOMAIN, DKIM_SELECTOR and DKIM_KEY_FILE: expected all three, or none");
  try {
    const privateKey = readFileSync(file, "utf8");
    const { asymmetricKeyType: kind = "unknown" } = createPrivateKey(privateKey);
    if (kind !== "rsa") throw new Error(`it is a key of kind ${kind}`);
    return new DKIM({ domainName, keySelector, privateKey, headerFieldNames: SIGNED_HEADERS });
  } catch (thrown) {
    throw new StartError(`DKIM_KEY_FILE: ${file} holds no private RSA key in PEM: ${messageOf(thrown)}`, thrown);
  }
}
