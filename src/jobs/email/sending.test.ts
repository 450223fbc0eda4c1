/** Which recipients get the message, how often, and what follows from the server's replies. */
import { EventEmitter, once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { type EmailPayload, type EmailSettings, openEmailType } from "../../testing/email-job.ts";
import { ScriptedSmtp, type SmtpScript } from "../../testing/smtp-script.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(script: SmtpScript = {}, query = "", settings: Partial<EmailSettings> = {}) {
  const peer = await ScriptedSmtp.start(script);
  cleanups.push(() => peer.close());
  const type = await openEmailType(peer.url + query, settings);
  cleanups.push(type.close);
  return { peer, ...type };
}

const message: EmailPayload = { to: "jane@example.com", subject: "Hello", body: "Good day." };
const stoppedFor = (code: string) => Object.assign(new Error(code), { code });

/** Defers each recipient whose name begins with the prefix, once. */
function deferringOnce(prefix: string): NonNullable<SmtpScript["answer"]> {
  const seen = new Set<string>();
  return (line) => {
    if (!line.startsWith(`RCPT TO:<${prefix}`) || seen.has(line)) return undefined;
    seen.add(line);
    return "451 4.7.1 later";
  };
}

describe("each recipient gets the message once", () => {
  it.each([
    ["a domain in upper case", "Ann@Example.COM", "Ann@example.com"],
    ["a domain beyond ASCII", "ann@Bücher.example", "ann@xn--bcher-kva.example"],
    ["a domain in upper-case punycode", "ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"],
    ["a local part beyond ASCII", "jörg@Bücher.example", "jörg@xn--bcher-kva.example"],
    ["quotes that are not needed", '"ann.b"@EXAMPLE.com', "ann.b@example.com"],
    ["a name", "Ann <ann@Example.COM>", "ann@example.com"],
  ])("when another is deferred: %s", async (_what, written, address) => {
    const { peer, send, failureOf } = await setup({ answer: deferringOnce("defer") });
    const payload = { ...message, to: [written, "defer1@Example.com"] };
    const { state } = await failureOf(payload);
    expect(state).toMatchObject({ accepted: [address], rejected: [] });
    expect(await send(payload, JSON.parse(JSON.stringify(state)))).toMatchObject({
      accepted: [address, "defer1@example.com"],
    });
    expect(peer.messages.map(({ to }) => to)).toEqual([[address], ["defer1@example.com"]]);
  });

  it("when it is given several times, in several spellings", async () => {
    const { peer, send } = await setup();
    await send({
      ...message,
      to: ["Ann <ann@example.com>", "ann@EXAMPLE.com"],
      cc: { name: "A.", address: "ann@example.com" },
      bcc: ['"ann"@example.com', "ANN@example.com"],
    });
    // only the server knows whether these are the same
    expect(peer.messages[0]?.to).toEqual(["ann@example.com", "ANN@example.com"]);
  });

  it("when an earlier version saved the state with another spelling", async () => {
    const { peer, send } = await setup();
    const state = { accepted: ["jörg@bücher.example", "Ann@example.COM"], rejected: [], response: "250 ok" };
    await send({ ...message, to: ["jörg@bücher.example", "Ann@Example.com", "new@example.com"] }, state);
    expect(peer.messages.map(({ to }) => to)).toEqual([["new@example.com"]]);
  });
});

describe("too many recipients", () => {
  const limit =
    (max: number, reply: string): NonNullable<SmtpScript["answer"]> =>
    (line, { recipients }) =>
      line.startsWith("RCPT") && recipients.length >= max ? reply : undefined;
  const seven = Array.from({ length: 7 }, (_, index) => `a${index}@example.com`);

  it.each([
    "452 4.5.3 Too many recipients",
    "452 slow down",
    "552 Too many recipients",
    "552 5.5.3 limit",
    "451 4.5.3 limit",
  ])("%s: the remaining recipients follow in the same attempt", async (reply) => {
    const { peer, send } = await setup({ answer: limit(3, reply) });
    expect(await send({ ...message, to: seven })).toMatchObject({ accepted: seven, rejected: [] });
    expect(peer.messages.map(({ to }) => to)).toEqual([seven.slice(0, 3), seven.slice(3, 6), seven.slice(6)]);
    expect(new Set(peer.messages.map(({ raw }) => /^Message-ID: .*$/m.exec(raw.toString())?.[0])).size).toBe(1);
  });

  it("works without PIPELINING too, with an attachment in each part", async () => {
    const { peer, send } = await setup({ offers: ["SIZE 50000000"], answer: limit(4, "452 4.5.3 limit") });
    await send({
      ...message,
      to: seven,
      attachments: [{ filename: "a.bin", base64: Buffer.alloc(200_000, 7).toString("base64") }],
    });
    expect(peer.messages.map(({ to }) => to.length)).toEqual([4, 3]);
    expect(peer.messages.map(({ raw }) => raw.length > 270_000)).toEqual([true, true]);
  });

  it("differs from a full mailbox, which is deferred, and from a server that accepts no recipients", async () => {
    const { failureOf } = await setup({
      answer: (line) => (line.includes("<a6@") ? "452 4.2.2 mailbox full" : undefined),
    });
    expect(await failureOf({ ...message, to: seven })).toMatchObject({
      name: "RetryableError",
      code: "smtp_452",
      state: { accepted: seven.slice(0, 6) },
    });
    const none = await setup({ answer: limit(0, "552 5.5.3 too many recipients") });
    expect(await none.failureOf({ ...message, to: seven })).toMatchObject({ name: "RetryableError", code: "smtp_552" });
  });

  it("saves which recipients have the message if a later part fails", async () => {
    const { peer, failureOf } = await setup(
      {
        answer: (line, { recipients, hangUp }) => {
          if (line === "." && recipients[0] === "a3@example.com") return (hangUp(), "");
          return line.startsWith("RCPT") && recipients.length >= 3 ? "452 4.5.3 limit" : undefined;
        },
      },
      "",
      { EMAIL_UNKNOWN_OUTCOME: "retry" },
    );
    expect(await failureOf({ ...message, to: seven })).toMatchObject({
      name: "RetryableError",
      code: "delivery_unknown",
      state: { accepted: seven.slice(0, 3) },
    });
    expect(peer.messages).toHaveLength(1);
  });
});

it("an error that cannot have a state is replaced by a retryable one with the state, once a part was sent", async () => {
  const { failureOf } = await setup({
    answer: (line, { recipients }) => {
      if (line.startsWith("RCPT") && recipients.length === 1) return "452 4.5.3 limit";
      return line.startsWith("RCPT TO:<b@") ? "530 5.7.0 log in first" : undefined;
    },
  });
  expect(await failureOf({ ...message, to: ["a@example.com", "b@example.com"] })).toMatchObject({
    name: "RetryableError",
    code: "smtp_530",
    state: { accepted: ["a@example.com"] },
  });
});

describe("after the final dot", () => {
  const slow: SmtpScript = { answer: (line) => (line === "." ? delay(400, "250 at last") : undefined) };

  it("the reply is awaited longer than any other", async () => {
    const { peer, send } = await setup(slow, "?socketTimeout=100&dataTimeout=100");
    expect(await send(message)).toMatchObject({ accepted: ["jane@example.com"], response: "250 at last" });
    expect(peer.messages).toHaveLength(1);
  });

  it("a missing reply means neither yes nor no: the operator chooses what follows", async () => {
    const script: SmtpScript = { answer: (line, { hangUp }) => (line === "." ? (hangUp(), "") : undefined) };
    const fail = await setup(script);
    const failure = await fail.failureOf({ ...message, to: ["jane@example.com", "joe@example.com"] });
    expect(failure).toMatchObject({ name: "PermanentError", code: "delivery_unknown" });
    expect(failure.message).toContain("jane@example.com, joe@example.com");
    const retry = await setup(script, "", { EMAIL_UNKNOWN_OUTCOME: "retry" });
    expect(await retry.failureOf(message)).toMatchObject({
      name: "RetryableError",
      code: "delivery_unknown",
      state: { accepted: [] },
    });
    const accept = await setup(script, "", { EMAIL_UNKNOWN_OUTCOME: "accept" });
    expect(await accept.send(message)).toMatchObject({ accepted: ["jane@example.com"], response: "" });
  });

  it("a timeout is no reply either", async () => {
    const { failureOf } = await setup({ answer: (line) => (line === "." ? "" : undefined) }, "?answerTimeout=100");
    expect(await failureOf(message)).toMatchObject({ name: "PermanentError", code: "delivery_unknown" });
  });

  it("a rejection is a reply, and is retried or final by its code", async () => {
    const { failureOf } = await setup({ answer: (line) => (line === "." ? "451 4.3.0 disk" : undefined) });
    expect(await failureOf(message)).toMatchObject({ name: "RetryableError", code: "smtp_451" });
  });

  it.each(["drain", "timeout"])("an attempt that is stopped for %s waits briefly for the reply", async (reason) => {
    const awaited = new EventEmitter();
    const dot = once(awaited, "dot");
    const { peer, send, abort } = await setup({
      answer: (line) => (line === "." ? (awaited.emit("dot"), delay(300, "250 ok")) : undefined),
    });
    const sending = send(message);
    await dot;
    abort.abort(stoppedFor(reason));
    expect(await sending).toMatchObject({ accepted: ["jane@example.com"] });
    expect(peer.messages).toHaveLength(1);
  });

  it("before it, a stopped attempt ends with its reason, and saves its state if it has sent a part", async () => {
    const waiting = await setup({
      answer: (line) =>
        line === "DATA" ? (setImmediate(() => waiting.abort.abort(stoppedFor("drain"))), "") : undefined,
    });
    expect(await waiting.failureOf(message)).toMatchObject({ code: "drain" });
    const parts = await setup({
      answer: (line, { recipients }) => {
        if (line === "DATA" && recipients[0] === "b@example.com")
          return (setImmediate(() => parts.abort.abort(stoppedFor("drain"))), "");
        return line.startsWith("RCPT") && recipients.length === 1 ? "452 4.5.3 limit" : undefined;
      },
    });
    expect(await parts.failureOf({ ...message, to: ["a@example.com", "b@example.com"] })).toMatchObject({
      name: "RetryableError",
      code: "stopped",
      state: { accepted: ["a@example.com"] },
    });
  });
});

describe("a connection", () => {
  it("that the server closes is replaced within the attempt", async () => {
    let mails = 0;
    const { peer, send } = await setup({
      answer: (line, { hangUp }) => {
        if (line.startsWith("MAIL") && mails++ === 1)
          return (setImmediate(hangUp), "421 4.7.0 too many messages on this connection");
        return undefined;
      },
    });
    await send(message);
    await send(message);
    expect([peer.messages.length, peer.connections]).toEqual([2, 2]);
  });

  it("continues after a rejected message", async () => {
    const { peer, send, failureOf } = await setup({
      answer: (line) => (line.includes("<gone@") ? "550 5.1.1 no such user" : undefined),
    });
    expect(await failureOf({ ...message, to: "gone@example.com" })).toMatchObject({
      name: "PermanentError",
      code: "smtp_550",
    });
    await send(message);
    expect([peer.connections, peer.commands.includes("RSET")]).toEqual([1, true]);
  });

  it("sends no more messages than maxMessages", async () => {
    const { peer, send } = await setup({}, "?maxMessages=2");
    for (let count = 0; count < 4; count++) await send(message);
    expect(peer.connections).toBe(2);
  });
});
