import { GifReader } from "omggif";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeGif, differenceOf, type Picture, pixelAt } from "../../testing/pictures.ts";
import { renderOne } from "../../testing/render.ts";
import type { Variant } from "./variant.ts";

const COLOURS = [
  [255, 0, 0, 255],
  [0, 0, 255, 255],
  [0, 255, 0, 255],
  [255, 255, 255, 255],
  [0, 0, 0, 255],
];
const DELAYS = [100, 200, 100, 300, 500];
const [WIDTH, HEIGHT] = [100, 80];

/** Five frames of one colour each, played four times. */
function fiveColours(format: "gif" | "webp", loop = 4): Promise<Buffer> {
  const pixels = Buffer.concat(
    COLOURS.map((colour) => Buffer.alloc(WIDTH * HEIGHT * 3, Buffer.from(colour.slice(0, 3)))),
  );
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT * COLOURS.length, channels: 3, pageHeight: HEIGHT } })
    .toFormat(format, { delay: DELAYS, loop })
    .toBuffer();
}

async function framesOf(bytes: Buffer): Promise<Picture[]> {
  if (bytes.toString("latin1", 0, 3) === "GIF") return decodeGif(bytes);
  const { pages = 1, width, pageHeight: height = 0 } = await sharp(bytes, { pages: -1 }).metadata();
  return Promise.all(
    Array.from({ length: pages }, async (_, page) => ({
      width,
      height,
      pixels: await sharp(bytes, { page }).ensureAlpha().raw().toBuffer(),
    })),
  );
}

describe.each(["gif", "webp"] as const)("an animated %s", (from) => {
  it.each<[Variant, readonly [number, number]]>([
    [{ width: 200, blur: 5 }, [200, 160]],
    [{ width: 50, sharpen: 3 }, [50, 40]],
    [{ width: 60, height: 20 }, [60, 20]],
    [{ width: 60, height: 20, blur: 10 }, [60, 20]],
    [{ width: 20, height: 60, focus: { x: 0, y: 1 } }, [20, 60]],
    [{ width: 33, height: 57, fit: "fill" }, [33, 57]],
    [{ blur: 100 }, [100, 80]],
  ])("keeps each frame's colour to its last line: %j", async (variant, [width, height]) => {
    const source = await fiveColours(from);
    for (const format of ["gif", "webp"] as const) {
      const rendered = await renderOne(source, { ...variant, animated: true, format });
      expect(rendered).toMatchObject({ width, height });
      const frames = await framesOf(rendered.bytes);
      expect(frames).toHaveLength(COLOURS.length);
      for (const [i, frame] of frames.entries()) {
        expect(frame).toMatchObject({ width, height });
        for (const y of [0, 1, height >> 1, height - 2, height - 1])
          expect(differenceOf(pixelAt(frame, width >> 1, y), COLOURS[i] ?? []), `frame ${i}, line ${y}`).toBeLessThan(
            10,
          );
      }
    }
  });

  it("has its margins in every frame", async () => {
    const { bytes } = await renderOne(await fiveColours(from), {
      width: 100,
      height: 100,
      fit: "contain",
      background: "#ff00ff",
      animated: true,
      format: "gif",
    });
    for (const [i, frame] of decodeGif(bytes).entries()) {
      for (const y of [0, 4, 95, 99])
        expect(differenceOf(pixelAt(frame, 50, y), [255, 0, 255, 255]), `frame ${i}, line ${y}`).toBeLessThan(10);
      for (const y of [15, 85])
        expect(differenceOf(pixelAt(frame, 50, y), COLOURS[i] ?? []), `frame ${i}, line ${y}`).toBeLessThan(10);
    }
  });

  it.each([0, 1, 4])("keeps its frame delays and its loop count of %i", async (loop) => {
    const source = await fiveColours(from, loop);
    const gif = new GifReader((await renderOne(source, { width: 10, animated: true, format: "gif" })).bytes);
    expect(COLOURS.map((_, i) => gif.frameInfo(i).delay * 10)).toEqual(DELAYS);
    const before = await sharp(source).metadata();
    for (const format of ["gif", "webp"] as const) {
      const { bytes } = await renderOne(source, { width: 10, animated: true, format });
      expect(await sharp(bytes).metadata()).toMatchObject({ delay: DELAYS, loop: before.loop ?? 1 });
    }
  });

  it.each(["jpeg", "png", "avif"] as const)(
    "becomes its first frame in a format without animation: %s",
    async (format) => {
      const { bytes } = await renderOne(await fiveColours(from), { width: 10, format });
      expect((await sharp(bytes).metadata()).pages ?? 1).toBe(1);
      expect((await sharp(bytes).stats()).dominant).toMatchObject({ r: 248, g: 8, b: 8 });
    },
  );
});
