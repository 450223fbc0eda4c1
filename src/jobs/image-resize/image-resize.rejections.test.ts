import sharp from "sharp";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type PayloadIssue, PermanentError } from "../../core/job-type.ts";
import {
  base64,
  cleanups,
  issuesOf,
  type Payload,
  pngClaiming,
  SETTINGS,
  setup,
  twoHalves,
  validator,
} from "../../testing/image-jobs.ts";
import { closeImageProcesses } from "../../testing/image-resource.ts";
import { prepareSharp } from "./image.ts";
import imageResize from "./image-resize.ts";

afterAll(closeImageProcesses);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("image_resize rejects", () => {
  it.each([
    ["a PNG that claims 50,000 × 50,000 pixels", "image_too_large", () => pngClaiming(50_000, 50_000)],
    ["a PNG of one line that is too long", "image_too_large", () => pngClaiming(65_536, 1)],
    ["a PNG of one column that is too long", "image_too_large", () => pngClaiming(1, 50_000_000)],
    ["a PNG with fewer pixels than it claims", "image_invalid", () => pngClaiming(500, 500)],
    ["a JPEG cut short", "image_invalid", async () => (await twoHalves(200, 100).jpeg().toBuffer()).subarray(0, 500)],
    ["a JPEG of only its magic bytes", "image_invalid", () => Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    [
      "an SVG with an external entity",
      "image_unsupported",
      () =>
        Buffer.from(
          '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>',
        ),
    ],
    [
      "an SVG after a JPEG's magic bytes",
      "image_invalid",
      () => Buffer.from('\xff\xd8\xff<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "latin1"),
    ],
    ["a BMP", "image_unsupported", () => Buffer.from("BM\0\0\0\0\0\0\0\0\0\0\0\0", "latin1")],
    ["a file that is not an image", "image_unsupported", () => Buffer.from("hello, world")],
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

  it("outputs that would take too much CPU time, unless less effort of the encoder is enough", async () => {
    const { failure, run } = await setup();
    const source = base64(await twoHalves(200, 100).png().toBuffer());
    // noise takes 62 s with the encoder's default
    const [outcome] = await run({ source, width: 2_400, height: 2_400, fit: "fill", format: "avif" });
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

  it("an output whose size follows from the source and would be too large", async () => {
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

  it("every decoder but the six supported ones", async () => {
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
  ])("%j has issues at %j", (payload, paths) => {
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
