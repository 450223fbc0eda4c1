import { EventEmitter, once } from "node:events";
import type { SMTPServerAuthentication } from "smtp-server";
import { afterEach, describe, expect, it } from "vitest";
import { PermanentError, RetryableError } from "../../core/job-type.ts";
import {
  cleanups,
  failureOf,
  JOB_ID,
  plain,
  setup,
  speak,
  startPeer,
  startSocketPeer,
} from "../../testing/email-server.ts";

import email from "./email.ts";

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("the settings", () => {
  it("fail a job permanently while SMTP_URL is empty", async () => {
    const { send } = await setup("");
    await expect(send(plain)).rejects.toMatchObject({ name: "PermanentError", code: "smtp_not_configured" });
  });

  it.each(["localhost:25", "http://mail.example", "smtp://", "smtp://user:hunter2@host:notaport"])(
    "reject %s at start, without repeating it",
    async (url) => {
      const rejection = await failureOf(setup(url));
      expect(rejection).toMatchObject({ code: "start_failed" });
      expect(rejection.message).not.toContain("hunter2");
    },
  );

  it("reject an EMAIL_FROM that is not an address", async () => {
    await expect(setup("", "me")).rejects.toMatchObject({ code: "start_failed" });
  });
});

describe("sending", () => {
  it("delivers all parts of the message, and Bcc only in the envelope", async () => {
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

  it("sends to the given recipients, whatever addresses their names contain", async () => {
    const { received, port } = await startPeer();
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const to = [
      '"a, evil@z.example, <evil@z.example>" <a@x.example>',
      '"friends: evil@z.example;" <b@x.example>',
      "o'brien+a=b{c}|d@x.example",
      '"=?utf-8?q?=0D=0ABcc:_evil@z.example?=" <c@x.example>',
    ];
    expect(email.check?.({ ...plain, to })).toEqual([]);
    await send({ ...plain, to });
    expect(received[0]?.rcpt).toEqual(["a@x.example", "b@x.example", "o'brien+a=b{c}|d@x.example", "c@x.example"]);
    expect(received[0]?.mail.headers.has("bcc")).toBe(false);
  });

  it("delivers parts completely that it sends in slices", async () => {
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

  it("completes with a list of rejected recipients if the server accepted only some", async () => {
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
  ])("with %i for %s is classified by the reply", async (reply, rejectedAt, kind) => {
    const { port } = await startPeer((at) => (at === rejectedAt ? reply : undefined));
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    const failure = await failureOf(send(plain));
    expect(failure).toBeInstanceOf(kind);
    expect(failure.code).toBe(`smtp_${reply}`);
    expect(failure.message).toContain(`no, ${rejectedAt}`);
    expect(failure.message).not.toContain("greylist");
  });

  it("due to wrong credentials waits for the operator, and does not reveal them", async () => {
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

  it("due to incomplete credentials waits for the operator", async () => {
    const { port } = await startPeer(undefined, { allowInsecureAuth: true });
    const { send } = await setup(`smtp://someone@127.0.0.1:${port}`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryAfterError", code: "smtp_auth", waitsForTurn: true });
  });

  it("due to a refused connection is retried", async () => {
    const { port, server } = await startSocketPeer(() => undefined);
    await new Promise((closed) => server.close(closed));
    const { send } = await setup(`smtp://127.0.0.1:${port}`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryableError", code: "smtp_connection" });
  });

  it("due to a server that does not greet is retried as a timeout", async () => {
    const { port } = await startSocketPeer(() => undefined);
    const { send } = await setup(`smtp://127.0.0.1:${port}?greetingTimeout=100`);
    await expect(send(plain)).rejects.toMatchObject({ name: "RetryableError", code: "smtp_timeout" });
  });

  it("due to a connection lost after the message is not retried: it may have been sent", async () => {
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

  it("due to its abort signal ends immediately, and closes the connection", async () => {
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
