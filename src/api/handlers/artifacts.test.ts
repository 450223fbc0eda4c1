import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer, testLinks } from "../../testing/api-server.ts";
import { parseRange } from "./artifacts.ts";

let server: ApiServer;
let id: string;
const content = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join("");

beforeAll(async () => {
  server = await startApiServer();
  id = String((await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" } })).body.id);
  for (const [name, bytes] of [
    ["rows.csv", content],
    ["empty.txt", ""],
    ["unmentioned.txt", "x"],
  ] as const) {
    await server.artifacts.write({ jobId: id, attempt: 1, name }, Buffer.from(bytes));
  }
  await server.artifacts.write(
    { jobId: id, attempt: 2, name: "rows.csv" },
    Buffer.from("of an attempt that lost its lease"),
  );
  await server.finishNext(`{"artifact":"rows.csv","outputs":[{"artifact":"empty.txt"},{"artifact":"gone.txt"}]}`);
});
afterAll(() => server.close());

const get = (name: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
  request(server, method, `/api/v1/jobs/${id}/artifacts/${name}`, undefined, headers);

describe("an artifact", () => {
  it("is streamed completely, with its type, length and tag", async () => {
    const { status, headers, text } = await get("rows.csv");
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-type": "text/csv; charset=utf-8",
      "content-length": String(content.length),
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "content-disposition": `attachment; filename="rows.csv"`,
      etag: expect.stringMatching(/^".+"$/) as unknown,
    });
    expect(text).toBe(content);
  });

  it("may be empty", async () => {
    expect(await get("empty.txt")).toMatchObject({ status: 200, text: "" });
  });

  it("has the same headers for HEAD", async () => {
    const { status, headers, text } = await get("rows.csv", {}, "HEAD");
    expect([status, headers.get("content-length"), text]).toEqual([200, String(content.length), ""]);
  });

  it.each(["bytes=5-9", `bytes=${content.length}-`])(
    "is described completely for HEAD with Range: %s",
    async (range) => {
      const { status, headers } = await get("rows.csv", { range }, "HEAD");
      expect([status, headers.get("content-length"), headers.get("content-range")]).toEqual([
        200,
        String(content.length),
        null,
      ]);
    },
  );

  it("is sent in part, if the part is of the caller's version", async () => {
    const etag = (await get("rows.csv", {}, "HEAD")).headers.get("etag") ?? "";
    const part = await get("rows.csv", { range: "bytes=5-9", "if-range": etag });
    expect([part.status, part.text, part.headers.get("content-range")]).toEqual([
      206,
      content.slice(5, 10),
      `bytes 5-9/${content.length}`,
    ]);
    expect(await get("rows.csv", { range: "bytes=-3" })).toMatchObject({ status: 206, text: content.slice(-3) });
    expect(await get("rows.csv", { range: "bytes=5-9", "if-range": '"old"' })).toMatchObject({ status: 200 });
    const beyond = await get("rows.csv", { range: `bytes=${content.length}-` });
    expect([beyond.status, beyond.headers.get("content-range"), beyond.body.code]).toEqual([
      416,
      `bytes */${content.length}`,
      "range_not_satisfiable",
    ]);
    expect(await get("rows.csv", { "if-none-match": `"x", W/${etag}` })).toMatchObject({ status: 304, text: "" });
  });

  it.each(["unmentioned.txt", "gone.txt", "..%2f..%2fsecret", "none"])("%s is 404", async (name) => {
    expect(await get(name)).toMatchObject({ status: 404, body: { code: "artifact_not_found" } });
  });

  it("of an unknown job is 404", async () => {
    const path = "/api/v1/jobs/01890000-0000-7000-8000-000000000000/artifacts/a.txt";
    expect(await request(server, "GET", path)).toMatchObject({ status: 404, body: { code: "job_not_found" } });
  });
});

describe("a download", () => {
  const large = 64 * 1024 * 1024;
  const withSource = (read: () => Readable, bytes = large) =>
    startApiServer({
      deps: {
        artifacts: {
          removeJob: () => Promise.resolve(),
          open: () => Promise.resolve({ bytes, contentType: "text/plain", etag: '"a"', modifiedAt: new Date(0), read }),
        },
      },
    });
  async function finishedJob(own: ApiServer): Promise<string> {
    const job = String((await request(own, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" } })).body.id);
    await own.finishNext(`{"artifact":"a.txt"}`);
    return `${own.url}/api/v1/jobs/${job}/artifacts/a.txt`;
  }
  /** Pieces of one MiB, and how many of them were requested. */
  function pieces(count: number) {
    const state = { made: 0, isDestroyed: false };
    const read = () =>
      new Readable({
        highWaterMark: 1,
        read() {
          state.made += 1;
          this.push(state.made <= count ? Buffer.alloc(1024 * 1024, state.made) : null);
        },
        destroy(error, done) {
          state.isDestroyed = true;
          done(error);
        },
      });
    return { state, read };
  }

  it("is no faster than the client reads, and arrives completely", async () => {
    const { state, read } = pieces(64);
    const own = await withSource(read);
    const chunks = ((await fetch(await finishedJob(own))).body ?? []) as AsyncIterable<Uint8Array>;
    let bytes = 0;
    for await (const chunk of chunks) {
      if (bytes === 0) expect(state.made).toBeLessThan(64);
      expect(chunk[0]).toBe(Math.floor(bytes / (1024 * 1024)) + 1);
      bytes += chunk.length;
    }
    expect(bytes).toBe(large);
    await own.close();
  });

  it("arrives completely if the stream ends before the client has read its last part", async () => {
    const own = await withSource(
      () =>
        new Readable({
          read() {
            this.push(Buffer.alloc(large, 7));
            this.push(null);
          },
        }),
    );
    expect((await (await fetch(await finishedJob(own))).arrayBuffer()).byteLength).toBe(large);
    await own.close();
  });

  it("stops reading when the client disconnects", async () => {
    const { state, read } = pieces(64);
    const own = await withSource(read);
    const abort = new AbortController();
    const answer = await fetch(await finishedJob(own), { signal: abort.signal });
    await answer.body?.getReader().read();
    abort.abort();
    await expect.poll(() => state.isDestroyed).toBe(true);
    expect(state.made).toBeLessThan(64);
    await own.close();
  });

  it.each([
    [
      "fails",
      () =>
        new Readable({
          read() {
            this.destroy(new Error("disk"));
          },
        }),
    ],
    ["is too short", () => Readable.from([Buffer.from("short")])],
  ])("is cut off if its source %s", async (_what, read) => {
    const own = await withSource(read, 100);
    const whole = fetch(await finishedJob(own)).then((answer) => answer.text());
    await expect(whole).rejects.toThrow();
    expect(own.logged).toHaveLength(1);
    await own.close();
  });
});

describe("parseRange", () => {
  it.each([
    ["", undefined],
    ["bytes=0-0", { start: 0, end: 0 }],
    ["Bytes=0-0", { start: 0, end: 0 }],
    ["BYTES= 5-", { start: 5, end: 9 }],
    ["bytes=5-", { start: 5, end: 9 }],
    ["bytes=5-99", { start: 5, end: 9 }],
    ["bytes=-4", { start: 6, end: 9 }],
    ["bytes=-99", { start: 0, end: 9 }],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=5-4", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,3-4", undefined],
    ["lines=0-1", undefined],
  ])("of %s is %j", (range, expected) => {
    expect(parseRange(range, 10)).toEqual(expected);
  });
});

describe("a signed link", () => {
  const queryFor = (jobId: string, name: string, nowMs = Date.now()) =>
    testLinks.sign({ jobId, name }, nowMs)?.url.split("?")[1] ?? "";

  it("opens its artifact", async () => {
    expect(await get(`rows.csv?${queryFor(id, "rows.csv")}`)).toMatchObject({ status: 200, text: content });
  });

  it("for another artifact is denied, and so is an expired one", async () => {
    expect(await get(`rows.csv?${queryFor(id, "empty.txt")}`)).toMatchObject({
      status: 403,
      body: { code: "link_invalid" },
    });
    expect(await get(`rows.csv?${queryFor(id, "rows.csv", Date.now() - 61_000)}`)).toMatchObject({
      status: 403,
      body: { code: "link_expired" },
    });
  });

  it("opens it for callers that are otherwise denied", async () => {
    const viaProxy = { "x-forwarded-for": "203.0.113.7" };
    expect(await get("rows.csv", viaProxy)).toMatchObject({ status: 403, body: { code: "protected_mode" } });
    expect(await get(`rows.csv?${queryFor(id, "rows.csv")}`, viaProxy)).toMatchObject({ status: 200 });
    expect(await get(`rows.csv?${queryFor(id, "empty.txt")}`, viaProxy)).toMatchObject({
      status: 403,
      body: { code: "protected_mode" },
    });
  });
});
