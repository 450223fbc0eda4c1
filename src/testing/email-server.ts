/** SMTP servers of a test, and email jobs that run against them. */
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { ParsedMail } from "mailparser";
import { simpleParser } from "mailparser";
import type { SMTPServerOptions } from "smtp-server";
import { SMTPServer } from "smtp-server";
import { expect } from "vitest";
import type { AttemptContext } from "../core/job-type.ts";
import email from "../jobs/email/email.ts";
import { noThread } from "./no-thread.ts";
import { tempDir } from "./services.ts";

export type EmailPayload = Parameters<typeof email.run>[0];
export type Settings = Parameters<NonNullable<typeof email.open>>[0];
type Mailer = AttemptContext<Awaited<ReturnType<NonNullable<typeof email.open>>>>;
interface Received {
  readonly from: string;
  readonly rcpt: string[];
  readonly mail: ParsedMail;
}

export const JOB_ID = "01890a5d-ac96-774b-bcce-b302099a8057";
export const plain: EmailPayload = { to: "jane@example.com", subject: "Hello", body: "Good day." };
export const cleanups: (() => unknown)[] = [];

/** A catching SMTP server; `refuse` gets each recipient, or "DATA", and may answer with a reply code. */
export async function startPeer(
  reject: (at: string) => number | undefined = () => undefined,
  options: SMTPServerOptions = {},
) {
  const received: Received[] = [];
  const rejection = (at: string) => {
    const responseCode = reject(at);
    return responseCode === undefined ? undefined : Object.assign(new Error(`no, ${at}`), { responseCode });
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    onRcptTo: ({ address }, _session, done) => done(rejection(address)),
    onData: (stream, { envelope }, done) => {
      const rcpt = envelope.rcptTo.map(({ address }) => address);
      const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
      simpleParser(stream).then((mail) => {
        const error = rejection("DATA");
        if (error === undefined) received.push({ from, rcpt, mail });
        done(error);
      }, done);
    },
    ...options,
  });
  server.on("error", () => undefined); // resets of connections that a test cuts
  await once(server.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => new Promise<void>((closed) => server.close(closed)));
  const { port } = server.server.address() as AddressInfo;
  return { received, port, server };
}

/** A TCP server whose connections `serve` handles. */
export async function startSocketPeer(serve: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // the client may hang up first
    serve(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

/** Answers each line of SMTP by `reply`; after DATA's 354 the whole message counts as one line, ".". */
export function speak(socket: Socket, reply: (line: string) => string | undefined): void {
  let text = "";
  let inData = false;
  socket.write("220 peer\r\n");
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (;;) {
      const end = inData ? text.indexOf("\r\n.\r\n") : text.indexOf("\r\n");
      if (end < 0) return;
      const line = inData ? "." : text.slice(0, end);
      text = text.slice(end + (inData ? 5 : 2));
      const answer = reply(line) ?? "";
      inData = answer.startsWith("354");
      if (answer !== "") socket.write(`${answer}\r\n`);
    }
  });
}

export async function setup(
  SMTP_URL: string,
  EMAIL_FROM = "taskflow@example.org",
  SMTP_CONNECTIONS = 2,
  more: Partial<Settings> = {},
) {
  const resource = await email.open?.({ SMTP_URL, EMAIL_FROM, SMTP_CONNECTIONS, ARTIFACTS_DIR: tempDir(), ...more });
  if (resource === undefined) throw new Error("email has no open");
  cleanups.push(() => email.close?.(resource));
  const abort = new AbortController();
  const context: Mailer = {
    jobId: JOB_ID,
    attempt: 1,
    timeoutMs: 30_000,
    resource,
    signal: abort.signal,
    progress: () => undefined,
    log: () => undefined,
    onThread: noThread,
  };
  const send = async (payload: EmailPayload, state?: unknown) =>
    (await email.run(payload, { ...context, state })) as Record<string, unknown>;
  return { send, abort, resource };
}

/** The error with which sending fails. */
export async function failureOf(sending: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return sending.then(
    () => expect.fail("expected the send to fail"),
    (thrown: unknown) => thrown as Error,
  );
}
