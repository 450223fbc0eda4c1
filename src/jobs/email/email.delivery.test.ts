/** Everything an email job does beyond sending one plain message to one server that accepts it. */
import { createVerify, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { RetryableError } from "../../core/job-type.ts";
import { Threads } from "../../execute/threads.ts";
import { HttpPeer } from "../../testing/http-peer.ts";
import { tempDir } from "../../testing/services.ts";
import { SmtpPeer } from "../../testing/smtp-peer.ts";
import email from "./email.ts";
import { renderOnThread } from "./template.ts";

type Payload = Parameters<typeof email.run>[0];
type Settings = Parameters<NonNullable<typeof email.open>>[0];

const JOB_ID = "01890a5d-ac96-774b-bcce-b302099a8057";
const plain: Payload = { to: "jane@example.com", subject: "Hello", body: "Good day." };
const { signal } = new AbortController();
const cleanups: (() => unknown)[] = [];
const threads = new Threads({
  size: 0,
  jobsDir: undefined,
  settings: {},
  onMessage: () => undefined,
  onError: () => undefined,
});
afterAll(() => threads.close());

const taskOf = (payload: Payload) => (name: string, argument: unknown, timeoutMs: number) =>
  threads.tasks.run(
    { type: "email", name, payload: JSON.stringify(payload), argument },
    { timeoutMs, signal, turn: "" },
  );

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(more: Partial<Settings> = {}) {
  const peer = await SmtpPeer.start();
  cleanups.push(() => peer.close());
  const resource = await email.open?.({
    SMTP_URL: peer.url,
    SMTP_CONNECTIONS: 2,
    EMAIL_FROM: "taskflow@example.org",
    ARTIFACTS_DIR: tempDir(),
    OUTBOUND_ALLOW_PRIVATE: true,
    ...more,
  });
  if (!resource) throw new Error("email has no open");
  cleanups.push(() => email.close?.(resource));
  const send = async (payload: Payload, state?: unknown) =>
    (await email.run(payload, {
      jobId: JOB_ID,
      attempt: 1,
      timeoutMs: 30_000,
      resource,
      state,
      signal,
      progress: () => undefined,
      log: () => undefined,
      onThread: taskOf(payload),
    })) as Record<string, unknown>;
  return { peer, resource, send };
}

const failureOf = (sending: Promise<unknown>) =>
  sending.then(
    () => expect.fail("expected the send to fail"),
    (thrown: unknown) => thrown as RetryableError,
  );

describe("a message with rejected recipients", () => {
  const three: Payload = { ...plain, to: ["a@x.example", "b@x.example"], bcc: "c@x.example" };

  it("is sent to deferred recipients with the next attempt, and to nobody twice", async () => {
    const { peer, send } = await setup();
    await peer.behave({ kind: "greylist", first: 2 });
    const failure = await failureOf(send(three));
    expect(failure).toMatchObject({
      name: "RetryableError",
      code: "smtp_451",
      atLeastMs: 300_000,
      state: { accepted: ["c@x.example"], rejected: [] },
    });
    expect(failure.message).toContain("a@x.example: 451");
    const result = await send(three, failure.state);
    expect(result).toMatchObject({ accepted: ["c@x.example", "a@x.example", "b@x.example"], rejected: [] });
    expect(peer.messages.map(({ to }) => to)).toEqual([["c@x.example"], ["a@x.example", "b@x.example"]]);
    expect(new Set(peer.messages.map(({ mail }) => mail.messageId))).toEqual(new Set([result.message_id]));
  });

  it("completes if the remaining recipients are rejected permanently", async () => {
    const { peer, send } = await setup();
    await peer.behave({ kind: "answer", at: "rcpt", code: 550 });
    expect(await send(three, { accepted: ["a@x.example"], rejected: [], response: "250 first" })).toMatchObject({
      accepted: ["a@x.example"],
      rejected: ["b@x.example", "c@x.example"],
      response: "250 first",
    });
    expect(peer.messages).toEqual([]);
  });

  it("waits for the time of greylisting if all recipients are deferred", async () => {
    const { peer, send } = await setup({ SMTP_GREYLIST_MS: 60_000 });
    await peer.behave({ kind: "greylist", first: 1 });
    await expect(send(plain)).rejects.toMatchObject({ code: "smtp_451", atLeastMs: 60_000 });
    await peer.behave({ kind: "answer", at: "rcpt", code: 452, text: "4.2.2 Mailbox full" });
    await expect(send(plain)).rejects.toMatchObject({ code: "smtp_452", atLeastMs: 0 });
  });
});

describe("a message", () => {
  it("has headers to unsubscribe with one click (RFC 8058)", async () => {
    const { peer, send } = await setup();
    await send({ ...plain, list_unsubscribe: { url: "https://example.com/leave?u=1", mailto: "leave@example.com" } });
    const raw = peer.messages[0]?.raw.replace(/\r\n[ \t]+/g, " ");
    expect(raw).toContain("List-Unsubscribe: <https://example.com/leave?u=1>, <mailto:leave@example.com>\r\n");
    expect(raw).toContain("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    const issues = (list_unsubscribe: object, headers = {}) =>
      email.check?.({ ...plain, list_unsubscribe, headers }).map(({ path }) => path);
    expect(issues({ url: "http://example.com", mailto: "a@b?subject=x" })).toEqual([
      "/list_unsubscribe/url",
      "/list_unsubscribe/mailto",
    ]);
    expect(issues({ url: "https://example.com/>,<https://evil.example" }, { "List-Unsubscribe": "x" })).toEqual([
      "/headers/List-Unsubscribe",
      "/list_unsubscribe/url",
    ]);
  });

  it("is made from a template, whose subject the job may override", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "hello.subject"), "Hello {{name}}");
    writeFileSync(join(folder, "hello.html"), "<p>{{name}}</p>");
    const { peer, send } = await setup({ EMAIL_TEMPLATES_DIR: folder });
    await send({ to: "a@x.example", template: "hello", data: { name: "J & Co" } });
    await send({ to: "a@x.example", template: "hello", subject: "Mine" });
    expect(peer.messages.map(({ mail }) => [mail.subject, String(mail.html).trim()])).toEqual([
      ["Hello J & Co", "<p>J &amp; Co</p>"],
      ["Mine", "<p></p>"],
    ]);
    const paths = email.check?.({ ...plain, template: "hello" }).map(({ path }) => path);
    expect(paths).toEqual(["/body"]);
  });

  it("fails permanently if its template multiplies its data or takes too long, and does not affect others", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "a.subject"), "A");
    writeFileSync(join(folder, "a.txt"), "{{#orders}}{{#lines}}- {{.}}\n{{/lines}}{{/orders}}");
    const { peer, send } = await setup({ EMAIL_TEMPLATES_DIR: folder });
    const numbers = Array.from({ length: 12_000 }, (_, i) => i);
    const multiplied = failureOf(send({ to: "a@x.example", template: "a", data: { orders: numbers, lines: numbers } }));
    const plainSent = send({ to: "b@x.example", template: "a", data: { orders: [{ lines: [1] }] } });
    expect(await multiplied).toMatchObject({ name: "PermanentError", code: "template_too_large" });
    await plainSent;
    expect(peer.messages.map(({ to }) => to)).toEqual([["b@x.example"]]);
    const slow: Payload = {
      to: "a@x.example",
      template: "a",
      data: { more: Array.from({ length: 500_000 }, () => ({})) },
    };
    const rendered = renderOnThread((name, argument) => taskOf(slow)(name, argument, 1), folder);
    expect(await failureOf(rendered)).toMatchObject({ name: "PermanentError", code: "template_too_slow" });
  });

  it("carries files of other jobs and from URLs", async () => {
    const { peer, resource, send } = await setup();
    await resource.store.write({ jobId: JOB_ID, attempt: 1, name: "rows.csv" }, Buffer.from("a,b\n"));
    const web = await HttpPeer.start();
    cleanups.push(() => web.close());
    await send({
      ...plain,
      attachments: [
        { filename: "r.csv", artifact: `${JOB_ID}/rows.csv` },
        { filename: "w.bin", url: web.url() },
      ],
    });
    expect(peer.messages[0]?.mail.attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ["r.csv", "text/csv"],
      ["w.bin", "application/octet-stream"],
    ]);
    expect(peer.messages[0]?.mail.attachments[0]?.content.toString()).toBe("a,b\n");
    await expect(
      send({ ...plain, attachments: [{ filename: "n", artifact: `${JOB_ID}/none` }] }),
    ).rejects.toMatchObject({ code: "artifact_unknown" });
    await expect(
      send({ ...plain, attachments: [{ filename: "n", url: "http://169.254.169.254/" }] }),
    ).rejects.toMatchObject({ code: "target_refused" });
    await resource.store.write({ jobId: JOB_ID, attempt: 1, name: "large.bin" }, Buffer.alloc(19 * 1024 * 1024));
    await expect(
      send({ ...plain, attachments: [{ filename: "n", artifact: `${JOB_ID}/large.bin` }] }),
    ).rejects.toMatchObject({ code: "attachment_too_large" });
  });

  it("reaches internationalised addresses, with the domain in ASCII", async () => {
    const { peer, send } = await setup();
    expect(await send({ ...plain, to: "Zoë <zoe@bücher.example>" })).toMatchObject({
      accepted: ["zoe@xn--bcher-kva.example"],
    });
    await send({ ...plain, to: "zoë@example.com" });
    expect(peer.messages[1]?.to).toEqual(["zoë@example.com"]);
  });
});

describe("a signature (DKIM)", () => {
  it("covers the headers, including the one-click header, and the body", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const file = join(tempDir(), "dkim.pem");
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }));
    const { peer, send } = await setup({ DKIM_DOMAIN: "example.org", DKIM_SELECTOR: "key1", DKIM_KEY_FILE: file });
    await send({ ...plain, list_unsubscribe: { url: "https://example.com/leave" } });
    const head = (peer.messages[0]?.raw ?? "").split("\r\n\r\n")[0] ?? "";
    const headers = new Map(
      head
        .replace(/\r\n[ \t]+/g, " ")
        .split("\r\n")
        .map((line) => [
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line
            .slice(line.indexOf(":") + 1)
            .replace(/\s+/g, " ")
            .trim(),
        ]),
    );
    const signature = headers.get("dkim-signature") ?? "";
    const tag = (name: string) =>
      new RegExp(`(?:^|; ?)${name}=([^;]*)`).exec(signature)?.[1]?.replaceAll(" ", "") ?? "";
    expect([tag("d"), tag("s"), tag("c")]).toEqual(["example.org", "key1", "relaxed/relaxed"]);
    expect(tag("h").toLowerCase().split(":")).toEqual(
      expect.arrayContaining(["from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"]),
    );
    const signed = tag("h")
      .toLowerCase()
      .split(":")
      .map((name) => `${name}:${headers.get(name) ?? ""}\r\n`)
      .join("");
    const own = `dkim-signature:${signature.replace(/b=[^;]*$/, "b=")}`;
    expect(
      createVerify("sha256")
        .update(signed + own)
        .verify(publicKey, tag("b"), "base64"),
    ).toBe(true);
  });

  it("needs all its settings, and a usable key", async () => {
    await expect(setup({ DKIM_DOMAIN: "example.org" })).rejects.toMatchObject({ code: "start_failed" });
    const file = join(tempDir(), "none.pem");
    await expect(setup({ DKIM_DOMAIN: "example.org", DKIM_SELECTOR: "key1", DKIM_KEY_FILE: file })).rejects.toThrow(
      "DKIM_KEY_FILE",
    );
  });
});
