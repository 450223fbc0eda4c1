import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliCompressSync, crc32, deflateSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import { Compile } from "typebox/compile";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type PayloadIssue, PermanentError, RetryAfterError, RetryableError } from "../../core/job-type.ts";
import { openOutbound } from "../../net/outbound.ts";
import { closeImageProcesses, openTestImageResource } from "../../testing/image-tool.ts";
import { DEFAULT_MAX_PIXELS } from "./decoding.ts";
import { prepareSharp } from "./image.ts";
import imageResize from "./image-resize.ts";
import { type ImageResource, resizeImage } from "./resize.ts";

type Payload = Parameters<typeof imageResize.run>[0];
interface Output {
  readonly artifact: string;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

const JOB_ID = "01890a5d-ac96-7000-babc-b302099a8057";
const SOURCE_ID = "01890a5d-ac96-7000-bdef-b302099a8058";
const SETTINGS = {
  ARTIFACTS_DIR: "",
  OUTBOUND_ALLOW_PRIVATE: true,
  IMAGE_MAX_PIXELS: DEFAULT_MAX_PIXELS,
} as Parameters<NonNullable<typeof imageResize.checkHere>>[1];
const validator = Compile(imageResize.payload);
const cleanups: (() => unknown)[] = [];

afterAll(closeImageProcesses);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup() {
  const root = await mkdtemp(join(tmpdir(), "images-"));
  cleanups.push(() => rm(root, { recursive: true, force: true }));
  const resource = await openTestImageResource({ ARTIFACTS_DIR: root, OUTBOUND_ALLOW_PRIVATE: true });
  cleanups.push(() => resource.outbound.close());
  const progress: number[] = [];
  const results: object[] = [];
  const run = async (payload: Payload): Promise<Output[]> => {
    expect(issuesOf(payload)).toEqual([]);
    const { outputs, ...result } = await resizeImage(
      taskOf(payload),
      resource,
      new AbortController().signal,
      (percent) => progress.push(percent),
    );
    results.push(result);
    return [...outputs];
  };
  const failure = async (source: Payload["source"], variant: Partial<Payload> = { width: 10 }): Promise<unknown> => {
    const thrown: unknown = await run({ source, ...variant }).catch((error: unknown) => error);
    expect(await resource.store.find(JOB_ID, "image-1.jpg")).toBeUndefined();
    return thrown;
  };
  const read = async (name: string): Promise<Buffer> => {
    const stored = await resource.store.open({ jobId: JOB_ID, attempt: 1, name });
    if (stored === undefined) throw new Error(`no ${name}`);
    return buffer(stored.read());
  };
  return { resource, run, failure, read, progress, results };
}

function taskOf({ source, on_error: onError, variants, ...single }: Payload) {
  return { jobId: JOB_ID, attempt: 1, source, onError, variants: variants ?? [single] };
}

function issuesOf(payload: unknown): readonly unknown[] {
  return validator.Check(payload)
    ? [
        ...(imageResize.check?.(payload) ?? []),
        ...(imageResize.checkHere?.(payload, SETTINGS, () => JSON.stringify(payload)) ?? []),
      ]
    : ["not valid by the schema"];
}

const base64 = (bytes: Buffer) => ({ base64: bytes.toString("base64") });

/** The left half red, the right half blue. */
function twoHalves(width: number, height: number, channels: 3 | 4 = 3) {
  const pixels = Buffer.alloc(width * height * channels, 0);
  for (let i = 0; i < width * height; i++) pixels[i * channels + (i % width < width / 2 ? 0 : 2)] = 255;
  return sharp(pixels, { raw: { width, height, channels } });
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => new Promise((closed) => server.close(closed)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo`;
}

/** A PNG whose header claims any size and whose pixels are few. */
function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const magic = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    magic,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(1_000))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("image_resize", () => {
  it("accepts its own examples, and runs them", async () => {
    const { run, progress } = await setup();
    const [one, several] = (imageResize.payload as unknown as { examples: [Payload, Payload] }).examples;
    expect(await run(one)).toEqual([
      { artifact: "image-1.jpg", format: "jpeg", width: 4, height: 4, bytes: expect.any(Number) as number },
    ]);
    expect(await run(several)).toMatchObject([
      { artifact: "image-1.webp", width: 16, height: 9 },
      { artifact: "image-2.png", width: 4, height: 4 },
    ]);
    expect(progress).toEqual([50, 100]);
  });

  it.each([
    [{ width: 50, height: 50, fit: "cover" }, 50, 50],
    [{ width: 50, height: 50, fit: "contain" }, 50, 50],
    [{ width: 50, height: 50, fit: "fill" }, 50, 50],
    [{ width: 50, height: 50, fit: "inside" }, 50, 25],
    [{ width: 50, height: 50, fit: "outside" }, 100, 50],
    [{ width: 50 }, 50, 25],
    [{ height: 400 }, 800, 400],
    [{ format: "jpeg" }, 200, 100],
  ] as const)("makes of 200 × 100 with %j an image of %i × %i", async (variant, width, height) => {
    const { run, read } = await setup();
    const source = base64(await twoHalves(200, 100).jpeg().toBuffer());
    const [output] = await run({ source, ...variant });
    expect(output).toMatchObject({ artifact: "image-1.jpg", format: "jpeg", width, height });
    const bytes = await read("image-1.jpg");
    expect(output?.bytes).toBe(bytes.length);
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "jpeg", width, height });
  });

  it("reads and writes every format, AVIF decoded once for several variants", async () => {
    const { run, read } = await setup();
    for (const format of ["jpeg", "png", "webp", "avif", "tiff"] as const) {
      const outputs = await run({
        source: base64(await twoHalves(64, 32).toFormat(format).toBuffer()),
        variants: [{ width: 32 }, { width: 16, format: "png" }],
      });
      expect(outputs).toMatchObject([
        { format: format === "tiff" ? "png" : format, width: 32, height: 16 },
        { format: "png", width: 16, height: 8 },
      ]);
      const { data } = await sharp(await read("image-2.png"))
        .removeAlpha()
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(data[0]).toBeGreaterThan(200); // red on the left
      expect(data[15 * 3 + 2]).toBeGreaterThan(200); // blue on the right
    }
  });

  it("applies the orientation and drops the metadata", async () => {
    const { run, read } = await setup();
    const photo = await twoHalves(80, 40)
      .withMetadata({ orientation: 6 })
      .withExifMerge({ IFD0: { Copyright: "somebody" } })
      .jpeg()
      .toBuffer();
    for (const format of ["jpeg", "avif"] as const) {
      const source = base64(format === "jpeg" ? photo : await sharp(photo).keepExif().avif().toBuffer());
      expect(
        await run({
          source,
          variants: [
            { width: 20, format: "png" },
            { width: 10, format: "png" },
          ],
        }),
      ).toMatchObject([
        { width: 20, height: 40 },
        { width: 10, height: 20 },
      ]);
      const metadata = await sharp(await read("image-1.png")).metadata();
      expect(metadata.exif).toBeUndefined();
      expect(metadata.orientation).toBeUndefined();
    }
  });

  it("lays what is transparent on white where the format knows no transparency", async () => {
    const { run, read } = await setup();
    const clear = await sharp({
      create: { width: 20, height: 10, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    await run({
      source: base64(clear),
      variants: [
        { width: 20, height: 20, fit: "contain", format: "jpeg" },
        { width: 20, height: 20, fit: "contain", format: "webp" },
      ],
    });
    expect(
      [
        ...(await sharp(await read("image-1.jpg"))
          .raw()
          .toBuffer()),
      ].every((value) => value === 255),
    ).toBe(true);
    expect((await sharp(await read("image-2.webp")).stats()).isOpaque).toBe(false);
  });

  it("takes the first frame of a GIF with ten thousand", async () => {
    const { run } = await setup();
    const frames = 10_000;
    const pixels = Buffer.alloc(4 * 4 * 3 * frames);
    for (let frame = 0; frame < frames; frame++) pixels.fill(frame % 256, frame * 48, (frame + 1) * 48);
    const gif = await sharp(pixels, { raw: { width: 4, height: 4 * frames, channels: 3, pageHeight: 4 } })
      .gif()
      .toBuffer();
    expect(await run({ source: base64(gif), width: 2 })).toMatchObject([
      { artifact: "image-1.png", format: "png", width: 2, height: 2 },
    ]);
  });

  it("takes a damaged file where that is asked, and says so in its result, made anew or not", async () => {
    const { run, results, failure } = await setup();
    const png = await twoHalves(200, 100).png({ compressionLevel: 0 }).toBuffer();
    const source = base64(png.subarray(0, png.length - 20_000));
    expect(await failure(source)).toMatchObject({ code: "image_invalid" });
    for (let i = 0; i < 2; i++)
      expect(await run({ source, on_error: "truncate", variants: [{ width: 20 }, { width: 10 }] })).toMatchObject([
        { width: 20 },
        { width: 10 },
      ]);
    await run({ source: base64(png), on_error: "truncate", width: 20 });
    expect(results).toEqual([{ reused: false, truncated: true }, { reused: true, truncated: true }, { reused: false }]);
  });

  it("takes a photo of 24 megapixels", async () => {
    const { run } = await setup();
    const photo = await sharp({ create: { width: 6_000, height: 4_000, channels: 3, background: "teal" } })
      .jpeg()
      .toBuffer();
    expect(await run({ source: base64(photo), width: 300 })).toMatchObject([{ width: 300, height: 200 }]);
  });

  it("takes a JPEG with stray bytes between its markers, as phones write", async () => {
    const { run } = await setup();
    const jpeg = await twoHalves(200, 100).jpeg().toBuffer();
    const odd = Buffer.concat([jpeg.subarray(0, 20), Buffer.from([0, 1, 2, 3]), jpeg.subarray(20)]);
    await expect(sharp(odd, { failOn: "warning" }).raw().toBuffer()).rejects.toThrow();
    expect(await run({ source: base64(odd), width: 50 })).toMatchObject([{ width: 50, height: 25 }]);
  });
});

describe("image_resize refuses", () => {
  it.each([
    ["a PNG that claims 50,000 × 50,000 pixels", "image_too_large", () => pngClaiming(50_000, 50_000)],
    ["a PNG of one line that is too long", "image_too_large", () => pngClaiming(65_536, 1)],
    ["a PNG of one column that is too long", "image_too_large", () => pngClaiming(1, 50_000_000)],
    ["a PNG with fewer pixels than it claims", "image_invalid", () => pngClaiming(500, 500)],
    ["a JPEG cut short", "image_invalid", async () => (await twoHalves(200, 100).jpeg().toBuffer()).subarray(0, 500)],
    ["a JPEG of nothing but its magic", "image_invalid", () => Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    [
      "an SVG with an external entity",
      "image_unsupported",
      () =>
        Buffer.from(
          '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>',
        ),
    ],
    [
      "an SVG behind a JPEG's magic",
      "image_invalid",
      () => Buffer.from('\xff\xd8\xff<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "latin1"),
    ],
    ["a BMP", "image_unsupported", () => Buffer.from("BM\0\0\0\0\0\0\0\0\0\0\0\0", "latin1")],
    ["what is no image", "image_unsupported", () => Buffer.from("hello, world")],
    [
      "a video in the container of AVIF",
      "image_unsupported",
      () => Buffer.from("\0\0\0\x18ftypisom\0\0\0\0isommp42", "latin1"),
    ],
  ])("%s", async (_what, code, make) => {
    const { failure } = await setup();
    const thrown = await failure(base64(await make()));
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(thrown).toMatchObject({ code });
  });

  it("outputs that would take a core for too long, but not one that an encoder makes in less", async () => {
    const { failure, run } = await setup();
    const source = base64(await twoHalves(200, 100).png().toBuffer());
    const [outcome] = await run({ source, width: 2_400, height: 2_400, fit: "fill", format: "avif" }); // with the encoder's default: 62 s of noise
    expect(outcome).toMatchObject({ width: 2_400, format: "avif" });
    const variants = Array.from({ length: 10 }, () => ({
      width: 7_000,
      height: 7_000,
      fit: "fill" as const,
      format: "avif" as const,
    }));
    expect(await failure(source, { variants })).toMatchObject({
      name: "PermanentError",
      code: "image_too_large",
      message: expect.stringMatching(/s of one core, more than 60/) as string,
    });
  });

  it("an output that follows from the source and would be too large", async () => {
    const { failure } = await setup();
    const strip = base64(await twoHalves(4, 4_000).png().toBuffer());
    for (const variant of [
      { width: 1_000 },
      { width: 1_000, height: 10, fit: "outside" },
      { width: 17, format: "webp" },
      { width: 5_000, height: 1 },
    ] as const) {
      expect(await failure(strip, variant)).toMatchObject({ name: "PermanentError", code: "image_too_large" });
    }
  });

  it("every decoder that is not among the six", async () => {
    prepareSharp();
    await expect(
      sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).metadata(),
    ).rejects.toThrow("unsupported");
    await expect(
      sharp(Buffer.from("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x80\x80\x80\x80", "latin1")).metadata(),
    ).rejects.toThrow("unsupported");
  });
});

describe("image_resize checks its payload:", () => {
  const url = { url: "https://example.com/a.jpg" };
  it.each([
    [{ source: url, width: 10 }, []],
    [{ source: url, width: 16_384, height: 16_384, fit: "inside" }, []],
    [{ source: url }, ["/width"]],
    [{ source: url, variants: [{}] }, ["/variants/0/width"]],
    [{ source: url, width: 10, fit: "fill", variants: [{ width: 1 }] }, ["/width", "/fit"]],
    [{ source: url, width: 16_384, height: 16_384 }, ["/width"]],
    [{ source: url, width: 16_384, format: "webp" }, ["/width"]],
    [{ source: { url: "file:///etc/hostname" }, width: 10 }, ["/source/url"]],
  ])("%j has faults at %j", (payload, paths) => {
    expect(validator.Check(payload)).toBe(true);
    expect((issuesOf(payload) as PayloadIssue[]).map(({ path }) => path)).toEqual(paths);
  });

  it("by the limit of this deployment", () => {
    const payload = { source: url, width: 200, height: 100 } as Payload;
    expect(imageResize.checkHere?.(payload, { ...SETTINGS, IMAGE_MAX_PIXELS: 19_999 }, () => "")).toEqual([
      { path: "/width", message: "an output of 200 × 100 has more than 19999 pixels" },
    ]);
    expect(imageResize.checkHere?.(payload, { ...SETTINGS, IMAGE_MAX_PIXELS: 20_000 }, () => "")).toEqual([]);
  });

  it.each([
    [{ source: { base64: "no base64!" }, width: 10 }],
    [{ source: { artifact: "../x" }, width: 10 }],
    [{ source: { ...url, base64: "AAAA" }, width: 10 }],
    [{ source: url, width: 16_385 }],
    [{ source: url, width: 0 }],
    [{ source: url, format: "tiff" }],
    [{ source: url, variants: [] }],
    [{ source: url, variants: Array.from({ length: 11 }, () => ({ width: 1 })) }],
    [{ source: url, width: 1, name: "x" }],
  ])("%j is not valid", (payload) => expect(validator.Check(payload)).toBe(false));
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

  it("from another job's artifact, of its newest attempt", async () => {
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
  ])("and judges an answer of %i", async (status, type, code) => {
    const { failure } = await setup();
    const url = await serve((_request, response) => response.writeHead(status).end());
    const thrown = await failure({ url });
    expect(thrown).toBeInstanceOf(type);
    expect(thrown).toMatchObject({ code });
  });

  it("and undoes its Content-Encoding, within the limit", async () => {
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

  it("and judges what gives no answer, too much of one, or must not be asked", async () => {
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
