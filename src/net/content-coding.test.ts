import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import { type Outbound, type OutboundRequest, type OutboundResponse, openOutbound } from "./outbound.ts";

let peer: HttpPeer;
let outbound: Outbound;
beforeEach(async () => {
  peer = await HttpPeer.start();
  outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true });
});
afterEach(() => Promise.all([outbound.close(), peer.close()]));

const TEXT = "thanks, and so on ".repeat(20);
/** {@link TEXT}, encoded by Python's gzip and zlib. */
const GZIP = Buffer.from("H4sIAKi8DGsC/yvJSMzLLtZRSMxLUSjOV8jPUygZFaGBCAB8m0x6aAEAAA==", "base64");
const DEFLATE = Buffer.from("eJwryUjMyy7WUUjMS1EozlfIz1MoGRWhgQgAD5l7DQ==", "base64");

function fetchAs(encoding: string | string[], body: Buffer, request: OutboundRequest = {}): Promise<OutboundResponse> {
  peer.respond(() => answer(200, { "content-encoding": encoding }, body));
  return outbound.fetch(peer.url(), { onExcess: "fail", ...request });
}

describe("a body is decoded", () => {
  it.each<[string | string[], Buffer]>([
    ["gzip", GZIP],
    ["X-GZip", GZIP],
    ["gzip", Buffer.concat([gzipSync(TEXT.slice(0, 9)), gzipSync(TEXT.slice(9))])],
    ["deflate", DEFLATE],
    ["deflate", deflateRawSync(TEXT)],
    ["br", brotliCompressSync(TEXT)],
    ["identity", Buffer.from(TEXT)],
    ["", Buffer.from(TEXT)],
    ["gzip, br", brotliCompressSync(GZIP)],
    ["gzip, identity ,deflate,", deflateRawSync(GZIP)],
    [["gzip", "br"], brotliCompressSync(GZIP)],
  ])("from %j", async (encoding, body) => {
    expect((await fetchAs(encoding, body)).body.toString()).toBe(TEXT);
  });

  it("to nothing if it is empty", async () => {
    expect((await fetchAs("gzip", Buffer.alloc(0))).body).toHaveLength(0);
    peer.respond(() => answer(204, { "content-encoding": "gzip" }));
    expect((await outbound.fetch(peer.url())).status).toBe(204);
  });

  it("piece by piece into the caller's sink", async () => {
    const pieces: Buffer[] = [];
    await fetchAs("gzip", GZIP, { into: (piece) => Promise.resolve(void pieces.push(piece)) });
    expect(Buffer.concat(pieces).toString()).toBe(TEXT);
  });
});

describe("a body that cannot be decoded", () => {
  it.each(["rot13", "compress", "gzip, rot13", "gzip, gzip, gzip, gzip"])(
    "because of its coding %j fails the fetch permanently",
    async (encoding) => {
      await expect(fetchAs(encoding, GZIP)).rejects.toMatchObject({ name: "PermanentError", code: "encoding_unknown" });
    },
  );

  it.each([
    ["gzip", GZIP.subarray(0, -9)],
    ["gzip", GZIP.subarray(0, 5)],
    ["gzip", Buffer.from(TEXT)],
    ["gzip", Buffer.concat([GZIP.subarray(0, 14), Buffer.from([255, 255]), GZIP.subarray(16)])],
    ["deflate", DEFLATE.subarray(0, -9)],
    ["br", brotliCompressSync(TEXT).subarray(0, -4)],
    ["br", Buffer.from(TEXT)],
    ["gzip, br", brotliCompressSync(GZIP.subarray(0, -9))],
  ])("as %s fails the fetch with a retryable error", async (encoding, body) => {
    await expect(fetchAs(encoding, body)).rejects.toMatchObject({ name: "RetryableError", code: "encoding_invalid" });
  });
});

describe("the limit counts decoded bytes", () => {
  it("of a body of exactly the limit", async () => {
    expect((await fetchAs("gzip", GZIP, { maxBytes: TEXT.length })).body.toString()).toBe(TEXT);
    await expect(fetchAs("gzip", GZIP, { maxBytes: TEXT.length - 1 })).rejects.toMatchObject({ code: "too_large" });
    expect((await fetchAs("gzip", GZIP, { maxBytes: 6, onExcess: "cut" })).body.toString()).toBe("thanks");
  });

  it("of a body that is longer encoded than decoded", async () => {
    const body = Buffer.concat([gzipSync("ok"), ...Array.from({ length: 100 }, () => gzipSync(""))]);
    expect((await fetchAs("gzip", body, { maxBytes: 2 })).body.toString()).toBe("ok");
  });

  it.each(["gzip", "br", "gzip, gzip"])("of a bomb in %s, whose rest is never decoded", async (encoding) => {
    const zeros = Buffer.alloc(134_217_728);
    const bomb =
      encoding === "br"
        ? brotliCompressSync(zeros, { params: { 1: 1 } })
        : encoding === "gzip"
          ? gzipSync(zeros, { level: 1 })
          : gzipSync(gzipSync(zeros, { level: 1 }));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    await expect(
      fetchAs(encoding, bomb, {
        maxBytes: 1_048_576,
        into: () => {
          most = Math.max(most, process.memoryUsage().arrayBuffers);
          return Promise.resolve();
        },
      }),
    ).rejects.toMatchObject({ code: "too_large" });
    expect(most - before).toBeLessThan(33_554_432);
  });
});
