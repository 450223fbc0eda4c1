import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idPrefix, makeId } from "../core/id.ts";
import { atAnotherTime } from "../testing/another-time.ts";
import { request, startApiServer } from "../testing/api-server.ts";
import type { S3Server } from "../testing/s3-server.ts";
import { startS3Server } from "../testing/s3-server.ts";
import { parseS3Location } from "./s3-location.ts";
import { openArtifactStore } from "./settings.ts";
import type { ArtifactStore } from "./store.ts";

let server: S3Server;
let store: ArtifactStore;
let jobs = 0;
const idAt = (ms: number) => makeId(idPrefix(ms, 0, 1), jobs++);

beforeAll(async () => {
  server = await startS3Server();
  store = await openArtifactStore({ ARTIFACTS_DIR: "/none", ARTIFACTS_URL: server.url });
});
afterAll(() => server.close());

describe("a store in S3", () => {
  it("writes a small artifact, and reads it whole and in part", async () => {
    const key = { jobId: idAt(Date.now()), attempt: 1, name: "rows.csv" };
    const content = Buffer.from("a,b\n1,2\n");
    expect(await store.write(key, content)).toEqual({
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    });
    const stored = await store.open(key);
    expect(stored).toMatchObject({
      bytes: content.length,
      contentType: "text/csv; charset=utf-8",
      etag: expect.stringMatching(/^".+"$/) as unknown,
    });
    expect(await buffer(stored?.read() ?? Readable.from([]))).toEqual(content);
    expect(await buffer(stored?.read({ start: 2, end: 4 }) ?? Readable.from([]))).toEqual(content.subarray(2, 5));
    expect(await store.write({ ...key, name: "empty" }, Buffer.alloc(0))).toMatchObject({ bytes: 0 });
    expect(await store.open({ ...key, name: "empty" })).toMatchObject({ bytes: 0 });
  });

  it("streams a large one in parts", async () => {
    const key = { jobId: idAt(Date.now()), attempt: 1, name: "large.bin" };
    const piece = randomBytes(1024 * 1024);
    const { bytes, sha256 } = await store.write(key, Readable.from(Array.from({ length: 18 }, () => piece)));
    expect(bytes).toBe(18 * piece.length);
    const hash = createHash("sha256");
    for await (const chunk of (await store.open(key))?.read() ?? Readable.from([])) hash.update(chunk as Buffer);
    expect(hash.digest("hex")).toBe(sha256);
  });

  it("stores nothing of an artifact whose source fails", async () => {
    const key = { jobId: idAt(Date.now()), attempt: 1, name: "broken.bin" };
    const source = Readable.from(
      (function* () {
        for (let i = 0; i < 10; i++) yield randomBytes(1024 * 1024);
        throw new Error("the source failed");
      })(),
    );
    await expect(store.write(key, source)).rejects.toThrow("the source failed");
    expect(await store.open(key)).toBeUndefined();
    expect(await store.find(key.jobId, key.name)).toBeUndefined();
  });

  it("rejects names that lead elsewhere", async () => {
    const jobId = idAt(Date.now());
    for (const name of ["../other", "a/b", ".hidden", ""]) {
      await expect(store.write({ jobId, attempt: 1, name }, Buffer.from("x"))).rejects.toMatchObject({
        code: "artifact_key_invalid",
      });
      expect(await store.open({ jobId, attempt: 1, name })).toBeUndefined();
    }
  });

  it("finds the newest attempt that has a name", async () => {
    const jobId = idAt(Date.now());
    for (const attempt of [2, 10, 1]) await store.write({ jobId, attempt, name: "a.txt" }, Buffer.from("x"));
    await store.write({ jobId, attempt: 11, name: "b.txt" }, Buffer.from("x"));
    expect(await store.find(jobId, "a.txt")).toEqual({ jobId, attempt: 10, name: "a.txt" });
    expect(await store.find(jobId, "c.txt")).toBeUndefined();
  });

  it("removes old artifacts of old jobs, and does not list further jobs", async () => {
    const old = { jobId: idAt(Date.now() - 86_400_000), attempt: 1, name: "old.txt" };
    const young = { ...old, jobId: idAt(Date.now() + 60_000) };
    await store.write(old, Buffer.from("x"));
    await store.write(young, Buffer.from("x"));
    expect(await store.removeOlderThan(3_600_000)).toBe(0); // written just now, whatever the job's age
    expect(await store.removeOlderThan(-30_000)).toBeGreaterThanOrEqual(1);
    expect(await store.open(old)).toBeUndefined();
    expect(await store.open(young)).toBeDefined();
  });

  it.each([40, -40])("removes nothing if the clock is %d days wrong", async (days) => {
    const key = { jobId: idAt(Date.now() - 86_400_000), attempt: 1, name: "a.txt" };
    await store.write(key, Buffer.from("x"));
    // the SDK remembers the error of its clock
    const other = await openArtifactStore({ ARTIFACTS_DIR: "/none", ARTIFACTS_URL: server.url });
    expect(await atAnotherTime(days, () => other.removeOlderThan(-30_000))).toMatchObject({ code: "clocks_differ" });
    expect(await store.open(key)).toBeDefined();
  });

  it("removes all artifacts of a job, and none of another", async () => {
    const [job, other] = [idAt(Date.now()), idAt(Date.now())];
    for (const name of ["a.txt", "b.txt"])
      for (const attempt of [1, 12]) await store.write({ jobId: job, attempt, name }, Buffer.from("x"));
    const others = { jobId: other, attempt: 1, name: "a.txt" };
    await store.write(others, Buffer.from("x"));
    for (let calls = 1; calls <= 2; calls++) {
      await store.removeJob(job);
      for (const name of ["a.txt", "b.txt"]) expect(await store.find(job, name)).toBeUndefined();
    }
    for (const id of ["", other.slice(0, 20), `${other}/1`, "../of"]) await store.removeJob(id);
    expect(await store.open(others)).toBeDefined();
  });

  it("reports that the server has kept an artifact of a removed job", async () => {
    const jobId = idAt(Date.now());
    const key = `of/jobs/${jobId}/1/a.txt`;
    const keeping = createServer((incoming, answer) => {
      answer.setHeader("content-type", "application/xml");
      answer.end(
        incoming.method === "GET"
          ? `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>${key}</Key></Contents></ListBucketResult>`
          : `<DeleteResult><Error><Key>${key}</Key><Code>AccessDenied</Code></Error></DeleteResult>`,
      );
    }).listen(0, "127.0.0.1");
    try {
      await once(keeping, "listening");
      const { port } = keeping.address() as AddressInfo;
      const url = `s3://artifacts/of/jobs?endpoint=http://127.0.0.1:${port}`;
      const other = await openArtifactStore({ ARTIFACTS_DIR: "/none", ARTIFACTS_URL: url });
      await expect(other.removeJob(jobId)).rejects.toMatchObject({ code: "store_unavailable", status: 503 });
    } finally {
      keeping.closeAllConnections();
      keeping.close();
    }
  });

  it("ends an aborted removal", async () => {
    await expect(store.removeOlderThan(-30_000, AbortSignal.abort())).rejects.toThrow(/aborted/);
  });

  it("serves downloads through the API, with ranges, tags and HEAD", async () => {
    const api = await startApiServer({ deps: { artifacts: store } });
    const id = String((await request(api, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" } })).body.id);
    await store.write({ jobId: id, attempt: 1, name: "a.txt" }, Buffer.from("0123456789"));
    await api.finishNext(`{"artifact":"a.txt"}`);
    const get = (headers = {}, method = "GET") =>
      request(api, method, `/api/v1/jobs/${id}/artifacts/a.txt`, undefined, headers);
    expect(await get()).toMatchObject({ status: 200, text: "0123456789" });
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
    const etag = head.headers.get("etag") ?? "";
    expect(await get({ range: "bytes=3-5", "if-range": etag })).toMatchObject({ status: 206, text: "345" });
    expect(await get({ "if-none-match": etag })).toMatchObject({ status: 304 });
    await api.close();
  });

  it("that cannot be reached fails with a retryable error", async () => {
    const away = await openArtifactStore({
      ARTIFACTS_DIR: "/none",
      ARTIFACTS_URL: "s3://absent-bucket?endpoint=" + encodeURIComponent(`http://127.0.0.1:${server.port}`),
    });
    await expect(
      away.write({ jobId: idAt(Date.now()), attempt: 1, name: "a.txt" }, Buffer.from("x")),
    ).rejects.toMatchObject({ name: "RetryableError", code: "artifact_store_failed" });
  });
});

describe("ARTIFACTS_URL", () => {
  it("has a bucket, a prefix and the address of the server", () => {
    expect(parseS3Location("s3://bucket")).toEqual({
      name: "bucket",
      prefix: "",
      region: "us-east-1",
      endpoint: undefined,
      isPathStyle: false,
    });
    expect(parseS3Location("s3://my.bucket/a/b/?region=eu-central-1&endpoint=https://s3.example.com")).toEqual({
      name: "my.bucket",
      prefix: "a/b/",
      region: "eu-central-1",
      endpoint: "https://s3.example.com",
      isPathStyle: true,
    });
  });

  it.each([
    "bucket",
    "https://bucket",
    "s3://KEY:SECRET@bucket",
    "s3://bucket/../x?endpoint=ftp://x",
    "s3://bucket?path_style=yes",
    "s3://bucket?regoin=x",
    "s3://b",
  ])("must not be %s", (url) => {
    expect(() => parseS3Location(url)).toThrow("ARTIFACTS_URL");
  });
});
