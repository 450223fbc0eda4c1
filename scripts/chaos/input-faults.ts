/** Hostile input: images, and HTTP itself. */
import sharp from "sharp";
import { rawSocket } from "../../src/testing/raw-http.ts";
import { crowd } from "./crowd.ts";
import { gif, png, SVG } from "./image-files.ts";
import type { Scenario } from "./scenario.ts";

const MIB = 1024 * 1024;
/** The most that images may add to a replica's memory: a decoded source at the pixel limit, and libvips's buffers. */
const IMAGE_MEMORY_BYTES = 400 * MIB;

export const image: Scenario = {
  name: "image",
  fault: "50,000 × 50,000 px PNG, truncated JPEG, SVG with external entities, GIF of 10,000 frames, not an image",
  seconds: { full: 0, fast: 0 },
  slots: [{}],
  run: async (stage) => {
    await stage.wait(500);
    const idleRss = stage.takePeakRss();
    const jpeg = await sharp({
      create: {
        width: 800,
        height: 600,
        channels: 3,
        background: "#a0c0e0",
        noise: { type: "gaussian", mean: 120, sigma: 30 },
      },
    })
      .jpeg()
      .toBuffer();
    const cases: readonly (readonly [string, Buffer, RegExp])[] = [
      ["a PNG of 50,000 × 50,000", png(50_000, 50_000, 10), /^image_too_large$/],
      ["a truncated JPEG", jpeg.subarray(0, jpeg.length / 2), /^image_invalid$/],
      ["an SVG with an external entity", Buffer.from(SVG), /^image_unsupported$/],
      ["a GIF of 10,000 frames", gif(10_000), /^(?:completed|image_\w+)$/], // image_resize reads only its first frame
      ["a file that is not an image", Buffer.from("hello"), /^image_unsupported$/],
      ["a whole JPEG", jpeg, /^completed$/],
    ];
    for (const [what, bytes, ends] of cases) {
      const job = await stage.outcome({
        type: "image_resize",
        payload: { source: { base64: bytes.toString("base64") }, width: 64 },
      });
      const end = job.error?.code ?? job.status;
      stage.expect({
        isSo: ends.test(end) && job.attempt === 1,
        otherwise: `${what} ended ${end} after ${job.attempt} attempts`,
      });
      await stage.wait(50);
    }
    const peakRss = stage.takePeakRss();
    stage.expect({
      isSo: peakRss - idleRss < IMAGE_MEMORY_BYTES,
      otherwise: `images took ${Math.round((peakRss - idleRss) / MIB)} MiB`,
    });
    stage.notes.push(`memory ${Math.round(idleRss / MIB)} to ${Math.round(peakRss / MIB)} MiB`);
    return undefined;
  },
};

function post(body: string, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`): string {
  return `POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
}

/** Encoded as latin1, like the requests. */
const INVALID_UTF8 = `{"type":"noop","payload":{"a":"\xff"}}`;

const REJECTED: readonly (readonly [string, string, number])[] = [
  ["malformed JSON", post("{,}"), 400],
  ["100,000 levels", post("[".repeat(100_000)), 400],
  ["__proto__", post(`{"type":"noop","payload":{"__proto__":{"isAdmin":true}}}`), 422],
  ["a body of 100 MB", post("", `Content-Length: ${100 * MIB}\r\n`), 413],
  ["no body", post(""), 400],
  ["the wrong type", post(`{"type":7,"payload":[]}`), 422],
  ["an unknown type", post(`{"type":"nothing","payload":{}}`), 422],
  ["a header of 60 KB", `GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nX-Large: ${"x".repeat(60_000)}\r\n\r\n`, 431],
  ["invalid UTF-8", post(INVALID_UTF8, `Content-Length: ${INVALID_UTF8.length}\r\n`), 400],
];

export const http: Scenario = {
  name: "http",
  fault: "malformed, deep, huge and slow requests, idle sockets",
  seconds: { full: 10, fast: 2 },
  slots: [{}],
  run: async (stage) => {
    const { cluster } = stage;
    const port = Number(new URL(cluster.replica(0).url).port);
    await stage.load(50, { noop: 100 });
    for (const [what, text, status] of REJECTED) {
      const got = await statusOf(port, Buffer.from(text, "latin1"));
      stage.expect({ isSo: got === status, otherwise: `${what}: answered ${got}, not ${status}` });
      const good = await stage.submit({ type: "noop", payload: {} });
      stage.expect({ isSo: good.state === "accepted", otherwise: `after ${what} a good request got ${good.detail}` });
    }
    // The library closes the connection while the client still sends: a kernel may drop the answer with the reset.
    const huge = await statusOf(
      port,
      Buffer.from(`GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\nX-Large: ${"x".repeat(MIB)}\r\n\r\n`),
    );
    stage.expect({
      isSo: Number.isNaN(huge) || huge === 431,
      otherwise: `a header of 1 MB: answered ${huge}, not 431 or nothing`,
    });
    await crowd(stage, port);
    return undefined;
  },
};

/** Sends these bytes and resolves to the status of the answer, or NaN if the connection ends without one. */
async function statusOf(port: number, request: Buffer): Promise<number> {
  const raw = await rawSocket(port);
  raw.socket.write(request);
  const answer = await raw.until(/^HTTP\/1\.1 \d{3} [^]*\r\n\r\n/).catch(() => "");
  raw.socket.destroy();
  return Number.parseInt(answer.slice(9, 12), 10);
}
