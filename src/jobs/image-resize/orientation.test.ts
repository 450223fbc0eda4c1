import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeGif, decodePicture, differenceOf, type Picture, pixelAt } from "../../testing/pictures.ts";
import { renderOne } from "../../testing/render.ts";
import type { Variant } from "./variant.ts";

const [RED, GREEN, BLUE, WHITE] = [
  [255, 0, 0, 255],
  [0, 255, 0, 255],
  [0, 0, 255, 255],
  [255, 255, 255, 255],
];
const [WIDTH, HEIGHT] = [80, 40];
const COLOURS = { R: RED, G: GREEN, B: BLUE, W: WHITE };
/**
 * The quarters as displayed: top left, top right, bottom left, bottom right. The file stores RG above BW (EXIF 2.32,
 * 4.6.5.1).
 */
const SEEN: readonly [orientation: number, quarters: string][] = [
  [1, "RGBW"],
  [2, "GRWB"],
  [3, "WBGR"],
  [4, "BWRG"],
  [5, "RBGW"],
  [6, "BRWG"],
  [7, "WGBR"],
  [8, "GWRB"],
];

/** An image of the four stored quarters. @param frames how many copies of it, one below the other */
function quarters(frames = 1) {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * frames * 3);
  for (let i = 0; i < WIDTH * HEIGHT * frames; i++) {
    const [right, below] = [i % WIDTH >= WIDTH / 2, Math.floor(i / WIDTH) % HEIGHT >= HEIGHT / 2];
    pixels.set((below ? (right ? WHITE : BLUE) : right ? GREEN : RED).slice(0, 3), i * 3);
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT * frames, channels: 3, pageHeight: HEIGHT } });
}

function expectQuarters(picture: Picture, expected: string): void {
  const { width, height } = picture;
  const seen = [
    [0.25, 0.25],
    [0.75, 0.25],
    [0.25, 0.75],
    [0.75, 0.75],
  ].map(([x = 0, y = 0]) => pixelAt(picture, Math.floor(x * width), Math.floor(y * height)));
  for (const [i, letter] of expected.split("").entries())
    expect(
      differenceOf(seen[i] ?? [], COLOURS[letter as keyof typeof COLOURS]),
      `${expected}: ${JSON.stringify(seen)}`,
    ).toBeLessThan(12);
}

describe.each(SEEN)("a picture of orientation %i", (orientation, expected) => {
  const turned = orientation > 4;
  const [width, height] = turned ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT];

  it.each(["jpeg", "png", "webp", "tiff"] as const)("is upright in every variant of a %s", async (format) => {
    const source = await quarters()
      .withMetadata({ orientation })
      .toFormat(format, format === "jpeg" ? { quality: 95, chromaSubsampling: "4:4:4" } : {})
      .toBuffer();
    const variants: [Variant, number, number][] = [
      [{ blur: 0.5 }, width, height],
      [{ width: 20 }, 20, turned ? 40 : 10],
      [{ width: 60, height: 60, fit: "fill", sharpen: 1 }, 60, 60],
      [{ width: 100, height: 200, fit: "outside" }, turned ? 100 : 400, 200],
      [{ width: width / 8, height: height / 8, metadata: "keep" }, width / 8, height / 8],
    ];
    for (const [variant, ...size] of variants) {
      const picture = await decodePicture((await renderOne(source, { ...variant, format: "png" })).bytes);
      expect([picture.width, picture.height]).toEqual(size);
      expectQuarters(picture, expected);
    }
  });

  it("is upright in every frame of an animation", async () => {
    const source = await quarters(3)
      .withMetadata({ orientation })
      .webp({ lossless: true, delay: [20, 30, 40] })
      .toBuffer();
    const { bytes, ...rendered } = await renderOne(source, { width: width / 2, animated: true, format: "gif" });
    expect(rendered).toMatchObject({ width: width / 2, height: height / 2 });
    const frames = decodeGif(bytes);
    expect(frames.map((frame) => [frame.width, frame.height])).toEqual(
      Array(frames.length).fill([width / 2, height / 2]),
    );
    for (const frame of frames) expectQuarters(frame, expected);
  });
});
