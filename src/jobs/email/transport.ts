/** The way to the operator's SMTP server: settings, connection pool, signature (DKIM, RFC 6376). */
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
      "The mail server: `smtp://USER:PASSWORD@HOST:PORT`, or `smtps://` for TLS from the start. Empty: email jobs fail, but where a mail catcher is started",
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
      description: "Messages a second that one replica gives to the SMTP server, at most. 0: no limit",
    }),
  ),
  SMTP_GREYLIST_MS: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: 86_400_000,
      default: 300_000,
      description: "How long a message that was greylisted waits at least before the next attempt",
    }),
  ),
  SMTP_CA_FILE: Type.Optional(
    Type.String({
      default: "",
      description:
        "A file of certificates, PEM, of authorities that the SMTP server's may come from, beside those that Node.js knows. Empty: none",
    }),
  ),
  EMAIL_FROM: Type.String({ default: "taskflow@localhost", description: "The sender of an email job that names none" }),
  EMAIL_ENVELOPE_FROM: Type.Optional(
    Type.String({
      default: "",
      description:
        "The sender of the SMTP envelope, where bounces go, of an email job that names none. Empty: the address of its `from`",
    }),
  ),
  EMAIL_UNKNOWN_OUTCOME: Type.Optional(
    Type.Enum(["fail", "retry", "accept"], {
      default: "fail",
      description:
        "What becomes of a message that was sent but not answered: `fail` (`delivery_unknown`, no second copy), `retry` (it may come twice), `accept` (it counts as sent)",
    }),
  ),
  EMAIL_TEMPLATES_DIR: Type.Optional(
    Type.String({
      default: "",
      isFolder: true,
      description: "The folder of email templates: `NAME.subject`, `NAME.txt`, `NAME.html`. Empty: there are none",
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
      description: "The name of its key in DNS, before `._domainkey`",
    }),
  ),
  DKIM_KEY_FILE: Type.Optional(Type.String({ default: "", description: "The file of its private RSA key, PEM" })),
};
export type MailSettings = Static<TObject<typeof mailSettings>>;

// The library's own choice, and List-Unsubscribe-Post, which RFC 8058, 4 wants signed.
const SIGNED_HEADERS =
  "From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:In-Reply-To:References:List-Id:List-Unsubscribe:List-Unsubscribe-Post";

/** @throws {StartError} for settings that cannot work */
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

/** What can be judged before anything is opened. @throws {StartError} for an address that is none, and for what SMTP_URL cannot mean */
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

/** Who a message is from that says nothing of it. @throws {StartError} for what is no address */
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
