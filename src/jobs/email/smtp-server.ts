/**
 * Parses SMTP_URL and its options: the address of the operator's SMTP server, the connection's options, and the time
 * limit of each reply.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ConnectionOptions, SecureVersion } from "node:tls";
import { rootCertificates } from "node:tls";
import { domainToASCII } from "node:url";
import type { SMTPConnectionAuth, SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import { messageOf, StartError } from "../../errors.ts";

/**
 * RFC 5321, 4.5.3.2 allows minutes for each reply. If a repeat does no harm, the limit is shorter, because slots are
 * scarce. After the final dot a repeat might send the message twice, so the RFC's ten minutes apply.
 */
const OPEN_TIMEOUT_MS = 10_000;
const COMMAND_TIMEOUT_MS = 60_000;
const DATA_TIMEOUT_MS = 180_000;
const ANSWER_TIMEOUT_MS = 600_000;
/** Servers close connections that send more than a hundred messages. */
const MAX_MESSAGES = 100;

export interface SmtpServer {
  readonly connection: SMTPConnectionOptions;
  readonly auth: SMTPConnectionAuth | undefined;
  /** The limit for one connection. */
  readonly maxMessages: number;
  /** The time limits of each reply, of a pause while the message is sent, and of the reply to the message. */
  readonly commandTimeoutMs: number;
  readonly dataTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

const isText = /./;
const isBoolean = /^(?:true|false)$/;
const isTime = /^[1-9]\d{0,6}$/;
/** The options of SMTP_URL, each with a pattern of its values. docs/job-types/email.md has a table of them. */
export const SMTP_OPTIONS: Readonly<Record<string, RegExp>> = {
  requireTLS: isBoolean,
  ignoreTLS: isBoolean,
  "tls.minVersion": /^TLSv1\.[23]$/,
  "tls.servername": isText,
  "tls.rejectUnauthorized": isBoolean,
  authMethod: /^(?:PLAIN|LOGIN|CRAM-MD5)$/,
  name: /^[A-Za-z0-9.:[\]-]+$/,
  localAddress: isText,
  maxMessages: /^[1-9]\d{0,5}$/,
  dnsTimeout: isTime,
  connectionTimeout: isTime,
  greetingTimeout: isTime,
  socketTimeout: isTime,
  dataTimeout: isTime,
  answerTimeout: isTime,
};

/** @throws {StartError} a value is invalid. The message does not repeat the URL, which has a password in it. */
export function readSmtpServer(smtpUrl: string, caFile: string): SmtpServer {
  if (!/^smtps?:\/\/[^/?#]/i.test(smtpUrl) || !URL.canParse(smtpUrl))
    throw new StartError("SMTP_URL: expected smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://…");
  const url = new URL(smtpUrl);
  const options = readOptions(url);
  const milliseconds = (name: string, otherwise: number) => Number(options.get(name) ?? otherwise);
  const isOn = (name: string) => options.get(name) === "true";
  if (isOn("requireTLS") && isOn("ignoreTLS"))
    throw new StartError("SMTP_URL: expected requireTLS or ignoreTLS, not both");
  const tls = readTls(options, caFile);
  return {
    connection: {
      host: hostOf(url),
      secure: url.protocol === "smtps:",
      ...(url.port !== "" && { port: Number(url.port) }),
      ...(options.has("name") && { name: options.get("name") }),
      ...(options.has("localAddress") && { localAddress: options.get("localAddress") }),
      requireTLS: isOn("requireTLS"),
      ignoreTLS: isOn("ignoreTLS"),
      tls,
      // the first limit covers everything up to the greeting and STARTTLS
      connectionTimeout: milliseconds("connectionTimeout", 2 * OPEN_TIMEOUT_MS),
      greetingTimeout: milliseconds("greetingTimeout", OPEN_TIMEOUT_MS),
      dnsTimeout: milliseconds("dnsTimeout", OPEN_TIMEOUT_MS),
      socketTimeout: milliseconds("socketTimeout", COMMAND_TIMEOUT_MS),
    },
    commandTimeoutMs: milliseconds("socketTimeout", COMMAND_TIMEOUT_MS),
    auth: readAuth(url, options.get("authMethod")),
    maxMessages: Number(options.get("maxMessages") ?? MAX_MESSAGES),
    dataTimeoutMs: milliseconds("dataTimeout", DATA_TIMEOUT_MS),
    answerTimeoutMs: milliseconds("answerTimeout", ANSWER_TIMEOUT_MS),
  };
}

function readOptions({ searchParams }: URL): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const [name, value] of searchParams) {
    const expected = Object.hasOwn(SMTP_OPTIONS, name) ? SMTP_OPTIONS[name] : undefined;
    if (expected === undefined)
      throw new StartError(
        `SMTP_URL: unknown option ${JSON.stringify(name)}; the options are ${Object.keys(SMTP_OPTIONS).join(", ")}`,
      );
    if (options.has(name)) throw new StartError(`SMTP_URL: expected the option ${name} once`);
    if (!expected.test(value))
      throw new StartError(`SMTP_URL: the option ${name} expects a value that matches ${expected.source}`);
    options.set(name, value);
  }
  return options;
}

function readTls(options: ReadonlyMap<string, string>, caFile: string): ConnectionOptions {
  return {
    ...(options.has("tls.minVersion") && { minVersion: options.get("tls.minVersion") as SecureVersion }),
    ...(options.has("tls.servername") && { servername: options.get("tls.servername") ?? "" }),
    rejectUnauthorized: options.get("tls.rejectUnauthorized") !== "false",
    ...(caFile !== "" && { ca: [...rootCertificates, readCa(caFile)] }),
  };
}

function readCa(file: string): string {
  try {
    const pem = readFileSync(file, "utf8");
    new X509Certificate(pem); // checks the first certificate of the file
    return pem;
  } catch (thrown) {
    throw new StartError(`SMTP_CA_FILE: ${file} has no certificates in PEM: ${messageOf(thrown)}`, thrown);
  }
}

/** If no method is given, the first one that the server offers of PLAIN, LOGIN and CRAM-MD5 is used. */
function readAuth({ username, password }: URL, method: string | undefined): SMTPConnectionAuth | undefined {
  if (username === "" && password === "") return undefined;
  return {
    user: decoded(username),
    credentials: { user: decoded(username), pass: decoded(password) },
    method: method ?? false,
  };
}

/** For schemes that it does not know, the URL parser leaves non-ASCII names percent-encoded. */
function hostOf({ hostname }: URL): string {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  const ascii = domainToASCII(decoded(hostname));
  if (ascii === "") throw new StartError("SMTP_URL: expected a host name or an address");
  return ascii;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that is not encoded
  }
}
