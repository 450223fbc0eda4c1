import { EventEmitter, once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { ParsedMail } from "mailparser";
import { simpleParser } from "mailparser";
import type { SMTPServerAuthentication, SMTPServerOptions } from "smtp-server";
import { SMTPServer } from "smtp-server";
import { Compile } from "typebox/compile";
import { afterEach, describe, expect, it } from "vitest";
import type { AttemptContext } from "../../core/job-type.ts";
import { PermanentError, RetryableError } from "../../core/job-type.ts";
import { noThread } from "../../testing/no-thread.ts";
import { tempDir } from "../../testing/services.ts";
import email from "./email.ts";

type EmailPayload = Parameters<typeof email.run>[0];
type Settings = Parameters<NonNullable<typeof email.open>>[0];
type Mailer = AttemptContext<Awaited<ReturnType<NonNullable<typeof email.open>>>>;
interface Received {
  readonly from: string;
  readonly rcpt: string[];
  readonly mail: ParsedMail;
}

const JOB_ID = "01890a5d-ac96-774b-bcce-b302099a8057";
const plain: EmailPayload = { to: "jane@example.com", subject: "Hello", body: "Good day." };
const validator = Compile(email.payload);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A catching SMTP server; `refuse` gets each recipient, or "DATA", and may answer with a reply code. */
async function startPeer(
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
        const refused = rejection("DATA");
        if (refused === undefined) received.push({ from, rcpt, mail });
        done(refused);
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

/** A TCP server that speaks as `serve` says. */
async function startSocketPeer(serve: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
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
function speak(socket: Socket, reply: (line: string) => string | undefined): void {
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

async function setup(
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

/** The error that sending ends in. */
async function failureOf(sending: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return sending.then(
    () => expect.fail("expected the send to fail"),
    (thrown: unknown) => thrown as Error,
  );
}

const issuePaths = (payload: unknown) => (email.check?.(payload as EmailPayload) ?? []).map(({ path }) => path);

describe("the payload", () => {
  it("is valid as its example", () => {
    const [example] = (email.payload as { examples?: unknown[] }).examples ?? [];
    expect(validator.Check(example)).toBe(true);
    expect(issuePaths(example)).toEqual([]);
  });

  it("takes addresses with and without names", () => {
    const to = [
      "o'brien+tag@mail.example.co",
      "Jane Doe <jane@example.com>",
      '"Doe, J. (Ops)" <j.doe@example.com>',
      "Zoë <zoe@xn--bcher-kva.example>",
      "<root@localhost>",
      "zoë@bücher.example",
      "用户@例え.テスト",
    ];
    expect(validator.Check({ ...plain, to })).toBe(true);
    expect(
      issuePaths({ ...plain, to, cc: to, bcc: "x@y.example", from: "A <a@b.example>", reply_to: "c@d.example" }),
    ).toEqual([]);
  });

  it.each([
    ["a line break with a command", "b@y>\r\nRCPT TO:<evil@z"],
    ["a second address", "a@x.example, evil@z.example"],
    ["a name that is an address list", "a, evil@z.example"],
    ["a group", "friends: a@x.example, b@x.example;"],
    ["a quoted local part", '"a b"@x.example'],
    ["a comment", "a@x.example (comment)"],
    ["two angle brackets", "A <a@x.example> <evil@z.example>"],
    ["a nested bracket", "A <a@x.example<evil@z.example>"],
    ["a domain literal", "a@[127.0.0.1]"],
    ["two at signs", "a@evil.example@x.example"],
    ["a NUL", "a\0@x.example"],
    ["a line break in the name", '"A\r\nBcc: evil@z.example" <a@x.example>'],
    ["a quote that does not end", '"A <a@x.example>'],
    ["leading dots", ".a@x.example"],
    ["a label that ends in a hyphen", "a@x-.example"],
    ["a trailing line break", "a@x.example\n"],
    ["no domain", "postmaster"],
    ["a local part of 65 characters", `${"a".repeat(65)}@x.example`],
    ["an invisible space", "a\u200b@x.example"],
    ["a line separator in the name", "A\u2028B <a@x.example>"],
    ["letters of a domain that are none", "a@☃︎..example"],
    ["a domain that becomes a path", "a@x.example／evil"],
  ])("refuses an address with %s", (_what, address) => {
    for (const field of ["to", "from", "cc", "bcc", "reply_to"])
      expect(issuePaths({ ...plain, [field]: address })).toEqual([`/${field}`]);
    expect(issuePaths({ ...plain, to: ["a@x.example", address] })).toEqual(["/to/1"]);
  });

  it("refuses an address of 50,000 brackets by its length, before anything reads it", () => {
    expect(validator.Check({ ...plain, to: `${"(".repeat(50_000)}@x.example` })).toBe(false);
  });

  it("refuses more than 50 recipients in all", () => {
    const thirty = Array.from({ length: 30 }, (_, index) => `a${index}@x.example`);
    expect(issuePaths({ ...plain, to: thirty, bcc: thirty })).toEqual(["/to"]);
  });

  it("refuses headers that forge or break the message", () => {
    const headers = {
      "X-Ticket": "7",
      "In-Reply-To": "<a@b>",
      From: "a@b",
      "message-id": "x",
      "Content-Type": "text/html",
      "X Y/": "z",
      "X-Break": "a\r\nBcc: e@z",
    };
    expect(issuePaths({ ...plain, headers })).toEqual([
      "/headers/From",
      "/headers/message-id",
      "/headers/Content-Type",
      "/headers/X Y~1",
      "/headers/X-Break",
    ]);
  });

  it("refuses attachments that are not base64, or whose name or type would break out", () => {
    const attachments = [
      { filename: "a.txt", content_type: "text/plain; charset=utf-8", base64: "aGk=" },
      { filename: "../a.txt", content_type: "multipart/mixed", base64: "aGk" },
      { filename: "a\r\nb", content_type: "text/html\r\nX: y", base64: "aG\nk" },
    ];
    const bad = ["filename", "content_type", "base64"];
    expect(issuePaths({ ...plain, attachments })).toEqual([
      ...bad.map((field) => `/attachments/1/${field}`),
      ...bad.map((field) => `/attachments/2/${field}`),
    ]);
    expect(
      issuePaths({
        ...plain,
        attachments: [{ filename: "x" }, { filename: "x", base64: "", url: "file:///etc/hostname" }],
      }),
    ).toEqual(["/attachments/0", "/attachments/1", "/attachments/1/url"]);
    expect(validator.Check({ ...plain, attachments: [{ filename: "x", path: "/etc/hostname", base64: "" }] })).toBe(
      false,
    );
  });

  it("refuses a subject of two lines, and a message without text", () => {
    expect(issuePaths({ to: "a@x.example", subject: "a\nb" })).toEqual(["/body", "/subject"]);
    expect(issuePaths({ to: "a@x.example", subject: "a", html: "<p>hi" })).toEqual([]);
  });
});

describe("the settings", () => {
  it("fail a job for good while SMTP_URL is empty", async () => {
    const { send } = await setup("");
    await expect(send(plain)).rejects.toMatchObject({ name: "PermanentError", code: "smtp_not_configured" });
  });

  it.each(["localhost:25", "http://mail.example", "smtp://", "smtp://user:hunter2@host:notaport"])(
    "refuse %s at start, and do not repeat it",
    async (url) => {
      const rejection = await failureOf(setup(url));
      expect(rejection).toMatchObject({ code: "start_failed" });
      expect(rejection.message).not.toContain("hunter2");
    },
  );

  it("refuse an EMAIL_FROM that is no address", async () => {
    await expect(setup("", "me")).rejects.toMatchObject({ code: "start_failed" });
  });
});

describe("sending", () => {
  it("delivers all parts of the message, and Bcc to the envelope alone", async () => {
    const { received, port } = await startPeer();
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const result = await send({
      to: ["Jane Doe <jane@example.com>", "joe@example.com"],
      cc: "cc@example.com",
      bcc: ["hidden@example.com", "joe@example.com"],
      from: "Büro <office@example.net>",
      reply_to: "answers@example.net",
      subject: "Grüße",
      body: "plain\n",
      html: "<b>rich</b>",
      headers: { "X-Ticket": "7" },
      attachments: [
        { filename: "übersicht.csv", content_type: "text/csv", base64: Buffer.from("a,b").toString("base64") },
      ],
    });
    const all = ["jane@example.com", "joe@example.com", "cc@example.com", "hidden@example.com"];
    expect(result).toMatchObject({ message_id: `<${JOB_ID}@taskflow.example.net>`, accepted: all, rejected: [] });
    expect(result.response).toMatch(/^250 /);
    const [only, ...more] = received;
    expect(more).toEqual([]);
    expect(only).toMatchObject({ from: "office@example.net", rcpt: all });
    expect(only?.mail).toMatchObject({
      subject: "Grüße",
      text: "plain\n",
      html: "<b>rich</b>",
      messageId: result.message_id,
    });
    expect(only?.mail.bcc).toBeUndefined();
    expect(only?.mail.from?.text).toBe('"Büro" <office@example.net>');
    expect(only?.mail.replyTo?.text).toBe("answers@example.net");
    expect(only?.mail.headers.get("x-ticket")).toBe("7");
    expect(only?.mail.attachments).toMatchObject([
      { filename: "übersicht.csv", contentType: "text/csv", content: Buffer.from("a,b") },
    ]);
  });

  it("sends to the recipients that were given, whatever their names say", async () => {
    const { received, port } = await startPeer();
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const to = [
      '"a, evil@z.example, <evil@z.example>" <a@x.example>',
      '"friends: evil@z.example;" <b@x.example>',
      "o'brien+a=b{c}|d@x.example",
      '"=?utf-8?q?=0D=0ABcc:_evil@z.example?=" <c@x.example>',
    ];
    expect(issuePaths({ ...plain, to })).toEqual([]);
    await send({ ...plain, to });
    expect(received[0]?.rcpt).toEqual(["a@x.example", "b@x.example", "o'brien+a=b{c}|d@x.example", "c@x.example"]);
    expect(received[0]?.mail.headers.has("bcc")).toBe(false);
  });

  it("delivers parts that it hands on in slices whole", async () => {
    const { received, port } = await startPeer();
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const file = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index * 31));
    const body = "Grüße 🎉 aus dem Süden\n".repeat(10_000);
    await send({ ...plain, body, attachments: [{ filename: "a.bin", base64: file.toString("base64") }] });
    expect(received[0]?.mail.text).toBe(body);
    expect(received[0]?.mail.attachments[0]?.content.equals(file)).toBe(true);
  });

  it("keeps the Message-ID of the job over its attempts", async () => {
    const { received, port } = await startPeer();
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    await send(plain);
    await send(plain);
    expect(received.map(({ mail }) => mail.messageId)).toEqual(Array(2).fill(`<${JOB_ID}@taskflow.example.org>`));
  });

  it("completes with those refused listed, when the server took only some", async () => {
    const { received, port } = await startPeer((at) => (at === "gone@example.com" ? 550 : undefined));
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    await expect(send({ ...plain, to: ["gone@example.com", "jane@example.com"] })).resolves.toMatchObject({
      accepted: ["jane@example.com"],
      rejected: ["gone@example.com"],
    });
    expect(received).toHaveLength(1);
  });

  it("opens no more connections than SMTP_CONNECTIONS", async () => {
    let open = 0;
    let most = 0;
    const { received, port } = await startPeer(undefined, {
      onConnect: (_session, done) => {
        most = Math.max(most, ++open);
        done();
      },
      onClose: () => {
        open--;
      },
    });
    const { send } = await setup(`smtp://127.0.0.1:${port}`, undefined, 2);
    await Promise.all(Array.from({ length: 8 }, async () => send(plain)));
    expect(received).toHaveLength(8);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("sends over a new connection when the server has dropped the idle one", async () => {
    let messages = 0;
    const { port } = await startSocketPeer((socket) =>
      speak(socket, (line) => {
        if (line === "DATA") return "354 go on";
        if (line === ".") {
          messages++;
          setImmediate(() => socket.destroy());
        }
        return "250 ok";
      }),
    );
    const { send } = await setup(`smtp://127.0.0.1:${port}`, undefined, 1);
    await send(plain);
    await send(plain);
    expect(messages).toBe(2);
  });
});

describe("a send that fails", () => {
  it.each([
    [451, "jane@example.com", RetryableError],
    [452, "DATA", RetryableError],
    [550, "jane@example.com", PermanentError],
    [554, "DATA", PermanentError],
  ])("by %i for %s is classed by the reply", async (reply, rejectedAt, kind) => {
    const { port } = await startPeer((at) => (at === rejectedAt ? reply : undefined));
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const failure = await failureOf(send(plain));
    expect(failure).toBeInstanceOf(kind);
    expect(failure.code).toBe(`smtp_${reply}`);
    expect(failure.message).toContain(`no, ${rejectedAt}`);
    expect(failure.message).not.toContain("greylist");
  });

  it("by wrong credentials waits for the operator, and says nothing of them", async () => {
    const echo = ({ password }: SMTPServerAuthentication) =>
      Object.assign(new Error(`bad password ${password ?? ""}`), { responseCode: 535 });
    const { port } = await startPeer(undefined, {
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) => done(echo(auth)),
    });
    const { send } = await setup(`smtp://someone:hunter2@127.0.0.1:${port}`);
    const failure = await failureOf(send(plain));
    expect(failure).toMatchObject({ name: "RetryAfterError", code: "smtp_535", waitsForTurn: true });
    expect(JSON.stringify([failure, failure.message, (failure as Error).stack, (failure as Error).cause])).not.toMatch(
      /hunter2|someone|aHVudGVyMg/,
    );
  });

  it("by half of the credentials waits for the operator", async () => {
    const { port } = await startPeer(undefined, { allowInsecureAuth: true });
    const { send } = await setup(`smtp://someone@127.0.0.1:${port}`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryAfterError", code: "smtp_auth", waitsForTurn: true });
  });

  it("by a refused connection is retried", async () => {
    const { port, server } = await startSocketPeer(() => undefined);
    await new Promise((closed) => server.close(closed));
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryableError", code: "smtp_connection" });
  });

  it("by a server that does not greet is retried as a timeout", async () => {
    const { port } = await startSocketPeer(() => undefined);
    const { send } = await setup(`smtp://127.0.0.1:${port}?greetingTimeout=100`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryableError", code: "smtp_timeout" });
  });

  it("by a connection cut after the message is repeated by nobody: it may have been sent", async () => {
    let messages = 0;
    const { port } = await startSocketPeer((socket) =>
      speak(socket, (line) => {
        if (line !== ".") return line === "DATA" ? "354 go on" : "250 ok";
        messages++;
        socket.destroy();
        return undefined;
      }),
    );
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    await expect(send(plain)).rejects.toMatchObject({ name: "PermanentError", code: "delivery_unknown" });
    expect(messages).toBe(1);
  });

  it("by its abort signal ends at once, and hangs up", async () => {
    const peer = new EventEmitter();
    const messageCame = once(peer, "message");
    const hungUp = once(peer, "hangUp");
    const { port } = await startSocketPeer((socket) => {
      socket.on("close", () => peer.emit("hangUp"));
      speak(socket, (line) => {
        if (line === "DATA") return "354 go on";
        if (line === ".") peer.emit("message");
        return line === "." ? undefined : "250 ok";
      });
    });
    const { send, abort } = await setup(`smtp://127.0.0.1:${port}`);
    const failure = failureOf(send(plain));
    await messageCame;
    abort.abort(new Error("cancelled"));
    await expect(failure).resolves.toMatchObject({ message: "cancelled" });
    await hungUp;
  });
});
