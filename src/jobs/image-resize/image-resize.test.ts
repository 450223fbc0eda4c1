import sharp from "sharp";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { base64, cleanups, JOB_ID, type Payload, setup, twoHalves } from "../../testing/image-jobs.ts";
import { closeImageProcesses } from "../../testing/image-resource.ts";
import imageResize from "./image-resize.ts";

afterAll(closeImageProcesses);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe("image_resize", () => {
  it("accepts its own examples, and runs them", async () => {
    const { run, progress } = await setup();
    const [one, several] = (imageResize.payload as unknown as { examples: [Payload, Payload] }).examples;
    expect(await run(one)).toEqual([
      {
        ...{ artifact: "image-1.jpg", artifact_ref: `${JOB_ID}/image-1.jpg`, format: "jpeg", width: 4, height: 4 },
        bytes: expect.any(Number) as number,
      },
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

  it("draws transparent pixels on white if the format has no transparency", async () => {
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

  it("accepts a damaged file if the job asks for it, and reports that in its result, reused or not", async () => {
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
    expect(results).toMatchObject([
      { reused: false, truncated: true },
      { reused: true, truncated: true },
      { reused: false },
    ]);
    expect(results[2]).not.toHaveProperty("truncated");
  });

  it("accepts a photo of 24 megapixels", async () => {
    const { run } = await setup();
    const photo = await sharp({ create: { width: 6_000, height: 4_000, channels: 3, background: "teal" } })
      .jpeg()
      .toBuffer();
    expect(await run({ source: base64(photo), width: 300 })).toMatchObject([{ width: 300, height: 200 }]);
  });

  it("accepts a JPEG with stray bytes between its markers, as phones write", async () => {
    const { run } = await setup();
    const jpeg = await twoHalves(200, 100).jpeg().toBuffer();
    const odd = Buffer.concat([jpeg.subarray(0, 20), Buffer.from([0, 1, 2, 3]), jpeg.subarray(20)]);
    await expect(sharp(odd, { failOn: "warning" }).raw().toBuffer()).rejects.toThrow();
    expect(await run({ source: base64(odd), width: 50 })).toMatchObject([{ width: 50, height: 25 }]);
  });
});
