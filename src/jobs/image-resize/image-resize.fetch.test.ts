import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import { openOutbound } from "../../net/outbound.ts";
import { cleanups, SOURCE_ID, serve, setup, taskOf, twoHalves } from "../../testing/image-jobs.ts";
import { closeImageProcesses } from "../../testing/image-resource.ts";
import { type ImageResource, resizeImage } from "./resize.ts";

afterAll(closeImageProcesses);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("image_resize fetches its source", () => {
  it("from a URL", async () => {
    const { run } = await setup();
    const photo = await twoHalves(40, 20).webp().toBuffer();
    const url = await serve((_request, response) => response.end(photo));
    expect(await run({ source: { url }, width: 20 })).toMatchObject([
      { artifact: "image-1.webp", width: 20, height: 10 },
    ]);
  });

  it("from the newest attempt of another job that has the artifact", async () => {
    const { run, resource, failure } = await setup();
    await resource.store.write({ jobId: SOURCE_ID, attempt: 1, name: "a.png" }, Buffer.from("broken"));
    await resource.store.write(
      { jobId: SOURCE_ID, attempt: 2, name: "a.png" },
      await twoHalves(40, 20).png().toBuffer(),
    );
    expect(await run({ source: { artifact: `${SOURCE_ID}/a.png` }, width: 20 })).toMatchObject([
      { width: 20, height: 10 },
    ]);
    expect(await failure({ artifact: `${SOURCE_ID}/b.png` })).toMatchObject({
      name: "PermanentError",
      code: "artifact_unknown",
    });
    await resource.store.write({ jobId: SOURCE_ID, attempt: 1, name: "large.png" }, Buffer.alloc(67_108_865));
    expect(await failure({ artifact: `${SOURCE_ID}/large.png` })).toMatchObject({
      name: "PermanentError",
      code: "image_too_large",
    });
  });

  it.each([
    [404, PermanentError, "source_refused"],
    [304, PermanentError, "source_refused"],
    [503, RetryableError, "source_unreachable"],
    [408, RetryableError, "source_unreachable"],
    [429, RetryAfterError, "source_busy"],
  ])("and classifies a response with status %i", async (status, type, code) => {
    const { failure } = await setup();
    const url = await serve((_request, response) => response.writeHead(status).end());
    const thrown = await failure({ url });
    expect(thrown).toBeInstanceOf(type);
    expect(thrown).toMatchObject({ code });
  });

  it("and decodes its Content-Encoding, within the limit", async () => {
    const { run } = await setup();
    const png = await twoHalves(40, 20).png().toBuffer();
    const encoded = (encoding: string, body: Buffer) =>
      serve((_request, response) => response.writeHead(200, { "content-encoding": encoding }).end(body));
    for (const [encoding, body] of [
      ["gzip", gzipSync(png)],
      ["deflate", deflateSync(png)],
      ["br", brotliCompressSync(png)],
    ] as const) {
      expect(await run({ source: { url: await encoded(encoding, body) }, width: 10 })).toMatchObject([
        { width: 10, height: 5 },
      ]);
    }
    const source = async (encoding: string, body: Buffer) =>
      (await setup()).failure({ url: await encoded(encoding, body) });
    expect(await source("rot13", png)).toMatchObject({ name: "PermanentError", code: "encoding_unknown" });
    expect(await source("gzip", gzipSync(png).subarray(0, -9))).toMatchObject({
      name: "RetryableError",
      code: "encoding_invalid",
    });
    expect(await source("gzip", gzipSync(Buffer.alloc(67_108_865), { level: 1 }))).toMatchObject({
      name: "PermanentError",
      code: "image_too_large",
    });
  });

  it("and classifies missing responses, too large ones and forbidden targets", async () => {
    const { failure, resource } = await setup();
    const cut = await serve((request) => request.socket.destroy());
    expect(await failure({ url: cut })).toMatchObject({ name: "RetryableError", code: "source_unreachable" });
    const large = await serve((_request, response) =>
      response.writeHead(200, { "content-length": 67_108_865 }).flushHeaders(),
    );
    expect(await failure({ url: large })).toMatchObject({ name: "PermanentError", code: "image_too_large" });
    const guarded: ImageResource = { ...resource, outbound: openOutbound({ OUTBOUND_ALLOW_PRIVATE: false }) };
    const refused = resizeImage(
      taskOf({ source: { url: large }, width: 10 }),
      guarded,
      new AbortController().signal,
      () => undefined,
    );
    await expect(refused).rejects.toMatchObject({ code: "target_refused" });
    await guarded.outbound.close();
  });
});
