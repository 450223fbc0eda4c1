/** The resources of one replica that the attachments of many messages use. */
import { setMaxListeners } from "node:events";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { ByteBudget } from "../../concurrency/byte-budget.ts";
import { openOutbound } from "../../net/outbound.ts";
import { HttpPeer } from "../../testing/http-peer.ts";
import { noThread } from "../../testing/no-thread.ts";
import { tempDir } from "../../testing/services.ts";
import { SmtpPeer } from "../../testing/smtp-peer.ts";
import { until } from "../../testing/until.ts";
import email from "./email.ts";
import { fetchFile, PIECE_BYTES } from "./fetched-file.ts";

type Payload = Parameters<typeof email.run>[0];

const MiB = 1024 * 1024;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startWeb(): Promise<HttpPeer> {
  const web = await HttpPeer.start();
  cleanups.push(() => web.close());
  return web;
}

async function setup() {
  const peer = await SmtpPeer.start();
  cleanups.push(() => peer.close());
  const resource = await email.open?.({
    SMTP_URL: peer.url,
    SMTP_CONNECTIONS: 2,
    EMAIL_FROM: "taskflow@example.org",
    ARTIFACTS_DIR: tempDir(),
    OUTBOUND_ALLOW_PRIVATE: true,
  });
  if (!resource) throw new Error("email has no open");
  cleanups.push(() => email.close?.(resource));
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  cleanups.push(() => abort.abort(new Error("the end of the test")));
  const context = {
    jobId: "01890a5d-ac96-774b-bcce-b302099a8057",
    attempt: 1,
    timeoutMs: 30_000,
    resource,
    progress: () => undefined,
    log: () => undefined,
    onThread: noThread,
  };
  const send = (urls: readonly string[], signal = abort.signal): Promise<unknown> => {
    const payload: Payload = {
      to: "jane@example.com",
      subject: "Hello",
      body: "Good day.",
      attachments: urls.map((url, i) => ({ filename: `${i}.bin`, url })),
    };
    return email.run(payload, { ...context, signal }) as Promise<unknown>;
  };
  const { bytes } = resource.limits;
  return { peer, send, abort, bytes, resource };
}

const failureOf = (sending: Promise<unknown>) =>
  sending.then(
    () => expect.fail("expected the send to fail"),
    (thrown: unknown) => thrown as { code?: string; message: string },
  );

describe("fetched attachments", () => {
  it("of 160 messages stay within their budget while the mail server is slow, and release all of it", async () => {
    const { peer, send, abort, bytes } = await setup();
    await peer.behave({ kind: "hang" });
    const web = await startWeb();
    web.respond(() => ({ kind: "answer", status: 200, body: Buffer.alloc(17 * MiB, "x") }));
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, bytes.used);
    }, 1);
    cleanups.push(() => clearInterval(look));
    const before = process.memoryUsage.rss();
    const codeOf = async (): Promise<string | undefined> => {
      const { code } = await failureOf(send([web.url()]));
      return code === "attachment_limited" ? codeOf() : code; // retried, as its job is
    };
    const sending = Array.from({ length: 160 }, codeOf);
    await until(() => bytes.used > bytes.total - 17 * MiB && bytes.waiting > 0, { what: "the budget to be full" });
    process.stdout.write(
      `used ${Math.round(bytes.used / MiB)} MiB; the process grew by ${Math.round((process.memoryUsage.rss() - before) / MiB)} MiB, the web server's copies included\n`,
    );
    abort.abort(Object.assign(new Error("drain"), { code: "drain" }));
    const codes = new Set(await Promise.all(sending));
    expect(most).toBeLessThanOrEqual(bytes.total + 18 * MiB);
    expect(["drain", "smtp_timeout"]).toEqual(expect.arrayContaining([...codes]));
    expect([bytes.used, bytes.waiting]).toEqual([0, 0]);
  });

  it("from slow hosts do not affect others: at most four at a time from each host, and no bytes reserved before they arrive", async () => {
    const { peer, send, bytes } = await setup();
    const [hanging, dripping, good] = [await startWeb(), await startWeb(), await startWeb()];
    hanging.respond(() => ({ kind: "hang" }));
    dripping.respond(() => ({ kind: "drip", everyMs: 20 }));
    good.respond(() => ({ kind: "answer", status: 200, body: Buffer.alloc(2 * MiB) }));
    const sending = [hanging, dripping].flatMap((web) =>
      Array.from({ length: 10 }, () => failureOf(send([web.url()]))),
    );
    await until(() => hanging.requests.length === 4 && dripping.requests.length === 4, { what: "fetches from both" });
    await send([good.url()]);
    expect(peer.messages).toHaveLength(1);
    expect(bytes.used).toBeLessThanOrEqual(8 * PIECE_BYTES);
    const sentAway = await Promise.race(sending);
    expect(sentAway).toMatchObject({ name: "RetryAfterError", code: "attachment_limited", waitsForTurn: true });
    expect(hanging.requests.length + dripping.requests.length).toBe(8);
  });

  it("wait for the budget before they are requested, at most until the attempt ends", async () => {
    const { send, bytes } = await setup();
    const web = await startWeb();
    const all = await bytes.acquire(bytes.total);
    const cancel = new AbortController();
    const [cancelled, patient] = [failureOf(send([web.url()], cancel.signal)), failureOf(send([web.url()]))];
    await until(() => bytes.waiting === 2, { what: "both to wait" });
    cancel.abort(new Error("cancelled"));
    expect(await cancelled).toMatchObject({ message: "cancelled" });
    expect(bytes.waiting).toBe(1);
    expect(await patient).toMatchObject({ name: "RetryAfterError", code: "attachment_limited" });
    expect(web.requests).toEqual([]);
    all.release();
    await send([web.url()]);
    expect(bytes.used).toBe(0);
  });

  it("arrive unchanged, in order, and release their bytes when the message is sent or a later attachment fails", async () => {
    const { peer, send, bytes } = await setup();
    const [web, other] = [await startWeb(), await startWeb()];
    const sizes = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES + 5];
    const bodyOf = (path: string) =>
      Buffer.from(Array.from({ length: Number(path.slice(1)) }, (_, i) => (i * 7) % 256));
    for (const each of [web, other])
      each.respond(({ path }) =>
        path === "/gone"
          ? { kind: "answer", status: 404, body: "x".repeat(1_000) }
          : { kind: "answer", status: 200, body: bodyOf(path) },
      );
    const urls = sizes.map((size, i) => (i === 3 ? other : web).url(`/${size}`));
    await send(urls);
    const received = peer.messages[0]?.mail.attachments.map(({ content }) => content) ?? [];
    expect(received.map(({ length }) => length)).toEqual(sizes);
    expect(received.every((content, i) => content.equals(bodyOf(`/${sizes[i]}`)))).toBe(true);
    expect(bytes.used).toBe(0);
    expect(await failureOf(send([...urls, web.url("/gone")]))).toMatchObject({ code: "attachment_refused" });
    expect(await failureOf(send([web.url(`/${12 * MiB}`), other.url(`/${7 * MiB}`)]))).toMatchObject({
      code: "attachment_too_large",
    });
    expect([bytes.used, bytes.waiting]).toEqual([0, 0]);
  });
});

describe("a fetched attachment that is encoded", () => {
  it("arrives decoded, and its decoded size counts", async () => {
    const { peer, send, bytes } = await setup();
    const web = await startWeb();
    const content = Buffer.from(Array.from({ length: 3 * PIECE_BYTES + 5 }, (_, i) => (i * i) % 251));
    const replies: Record<string, readonly [string, Buffer]> = {
      "/gzip": ["gzip", gzipSync(content)],
      "/br": ["br", brotliCompressSync(content)],
      "/cut": ["gzip", gzipSync(content).subarray(0, -9)],
      "/odd": ["rot13", content],
      "/bomb": ["gzip", gzipSync(Buffer.alloc(19 * MiB), { level: 1 })],
    };
    web.respond(({ path }) => ({
      kind: "answer",
      status: 200,
      headers: { "content-encoding": replies[path]?.[0] ?? "" },
      body: replies[path]?.[1] ?? "",
    }));
    await send([web.url("/gzip"), web.url("/br")]);
    expect(peer.messages[0]?.mail.attachments.map(({ content: received }) => received.equals(content))).toEqual([
      true,
      true,
    ]);
    expect(await failureOf(send([web.url("/cut")]))).toMatchObject({
      name: "RetryableError",
      code: "encoding_invalid",
    });
    expect(await failureOf(send([web.url("/odd")]))).toMatchObject({
      name: "PermanentError",
      code: "encoding_unknown",
    });
    expect(await failureOf(send([web.url("/bomb")]))).toMatchObject({
      name: "PermanentError",
      code: "attachment_too_large",
    });
    expect([bytes.used, bytes.waiting]).toEqual([0, 0]);
  });
});

describe("the time of a fetch", () => {
  const { signal } = new AbortController();
  const outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true });

  it("is measured for the host only, without the wait for the budget", async () => {
    const web = await startWeb();
    web.respond(() => ({ kind: "answer", status: 200, body: Buffer.alloc(3 * PIECE_BYTES) }));
    const budget = new ByteBudget(2 * PIECE_BYTES);
    const [older, share] = [await budget.acquire(PIECE_BYTES), await budget.acquire(PIECE_BYTES)];
    const fetching = fetchFile(web.url(), { outbound, share, shareInUse: 0, maxBytes: MiB, signal, timeoutMs: 2_000 });
    await until(() => budget.waiting === 1, { what: "the fetch to wait" });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    older.release();
    expect((await fetching).bytes).toBe(3 * PIECE_BYTES);
  });

  it("is limited, however slowly the host sends", async () => {
    const web = await startWeb();
    web.respond(() => ({ kind: "drip", everyMs: 10 }));
    const share = await new ByteBudget(MiB).acquire(0);
    const fetching = fetchFile(web.url(), { outbound, share, shareInUse: 0, maxBytes: MiB, signal, timeoutMs: 300 });
    expect(await failureOf(fetching)).toMatchObject({
      code: "attachment_unreachable",
      message: expect.stringContaining("within 300 ms") as string,
    });
    expect(share.bytes).toBe(PIECE_BYTES);
  });
});
