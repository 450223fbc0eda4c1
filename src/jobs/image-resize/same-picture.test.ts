import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { sample } from "../../testing/full.ts";
import { decodePicture, differenceOf, pixelAt } from "../../testing/pictures.ts";
import { render, renderOne } from "../../testing/render.ts";
import type { Variant } from "./variant.ts";

const [WIDTH, HEIGHT] = [120, 60];
const BROWN = { r: 200, g: 100, b: 50 };
const plane = (channels: 3 | 4 = 3, alpha = 1): Sharp =>
  sharp({ create: { width: WIDTH, height: HEIGHT, channels, background: { ...BROWN, alpha } } });
const grey = (): Sharp => sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#888888" } });
const [BROWN_PIXEL, GREY_PIXEL] = [
  [200, 100, 50, 255],
  [136, 136, 136, 255],
];

/**
 * Kinds of sources, each a plane of one colour, with that colour and the tolerance that a lossy format or a small
 * colour space needs.
 */
const SOURCES: readonly [kind: string, make: () => Promise<Buffer>, colour: readonly number[], tolerance: number][] = [
  ["an RGB PNG", () => plane().png().toBuffer(), BROWN_PIXEL, 1],
  ["a grey PNG", () => grey().toColourspace("b-w").png().toBuffer(), GREY_PIXEL, 1],
  ["a grey PNG with alpha", () => grey().ensureAlpha().toColourspace("b-w").png().toBuffer(), GREY_PIXEL, 1],
  ["a grey PNG of 16 bits", () => grey().toColourspace("grey16").png().toBuffer(), GREY_PIXEL, 2],
  ["a PNG of 16 bits with alpha", () => plane(4).toColourspace("rgb16").png().toBuffer(), BROWN_PIXEL, 1],
  ["a palette PNG", () => plane().png({ palette: true }).toBuffer(), BROWN_PIXEL, 2],
  ["a palette PNG with alpha", () => plane(4, 0.999).png({ palette: true }).toBuffer(), BROWN_PIXEL, 3],
  ["a wide-gamut PNG", () => plane().withIccProfile("p3").png().toBuffer(), BROWN_PIXEL, 4],
  ["a JPEG", () => plane().jpeg({ quality: 95 }).toBuffer(), BROWN_PIXEL, 4],
  ["a grey JPEG", () => grey().toColourspace("b-w").jpeg({ quality: 95 }).toBuffer(), GREY_PIXEL, 3],
  ["a progressive JPEG", () => plane().jpeg({ quality: 95, progressive: true }).toBuffer(), BROWN_PIXEL, 4],
  [
    "a CMYK JPEG",
    () => plane().toColourspace("cmyk").withIccProfile("cmyk").jpeg({ quality: 100 }).toBuffer(),
    BROWN_PIXEL,
    45,
  ],
  ["a lossy WebP", () => plane().webp({ quality: 95 }).toBuffer(), BROWN_PIXEL, 6],
  ["a WebP with alpha", () => plane(4).webp({ lossless: true }).toBuffer(), BROWN_PIXEL, 1],
  ["a GIF", () => plane().gif().toBuffer(), BROWN_PIXEL, 4],
  ["an AVIF", () => plane().avif({ quality: 90 }).toBuffer(), BROWN_PIXEL, 6],
  ["a TIFF", () => plane().tiff({ compression: "lzw" }).toBuffer(), BROWN_PIXEL, 1],
  ["a grey TIFF", () => grey().toColourspace("b-w").tiff().toBuffer(), GREY_PIXEL, 1],
  ["a CMYK TIFF", () => plane().toColourspace("cmyk").withIccProfile("cmyk").tiff().toBuffer(), BROWN_PIXEL, 45],
];
const FORMATS = ["png", "jpeg", "webp", "avif", "gif"] as const;
/** The tolerance that an encoder adds to that of a source, for a plane far from any edge. */
const LOSS = { png: 0, jpeg: 5, webp: 6, avif: 8, gif: 6 };

describe("a red background", () => {
  it.each(
    sample(
      SOURCES.flatMap((source) => FORMATS.map((format) => [source[0], format, source] as const)),
      7,
    ),
  )("is red around %s as %s", async (_kind, format, [, make, colour, tolerance]) => {
    const source = await make();
    for (const variants of [[], [{ width: 4 }, { width: 120 }]] as Variant[][]) {
      const [rendered] = await render(source, [
        { width: 80, height: 80, fit: "contain", background: "#ff0000", format },
        ...variants,
      ]);
      const picture = await decodePicture(rendered?.bytes ?? source);
      expect(differenceOf(pixelAt(picture, 40, 5), [255, 0, 0, 255]), "the margin").toBeLessThanOrEqual(LOSS[format]);
      expect(differenceOf(pixelAt(picture, 40, 40), colour), "the picture").toBeLessThanOrEqual(
        tolerance + LOSS[format],
      );
    }
  });

  it.each(["png", "webp", "avif", "jpeg"] as const)(
    "shows through transparent pixels, grey or not, as %s",
    async (format) => {
      const clear = sharp({
        create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 255, b: 0, alpha: 0 } },
      });
      for (const source of [
        await clear.clone().png().toBuffer(),
        await clear.clone().toColourspace("b-w").png().toBuffer(),
        await clear.clone().toColourspace("rgb16").png().toBuffer(),
      ]) {
        for (const fit of ["contain", "cover", "inside", "fill"] as const) {
          const picture = await decodePicture(
            (await renderOne(source, { width: 30, height: 20, fit, background: "#ff0000", format })).bytes,
          );
          expect(differenceOf(pixelAt(picture, 10, 10), [255, 0, 0, 255])).toBeLessThanOrEqual(LOSS[format]);
        }
        const half = await decodePicture(
          (await renderOne(source, { width: 30, height: 20, fit: "contain", background: "#ff000080", format })).bytes,
        );
        for (const x of [2, 15])
          expect(differenceOf(pixelAt(half, x, 10), [255, 0, 0, format === "jpeg" ? 255 : 128])).toBeLessThanOrEqual(
            LOSS[format] + 1,
          );
      }
    },
  );

  it("does not darken a blur if it is transparent", async () => {
    const picture = await decodePicture(
      (
        await renderOne(await plane().png().toBuffer(), {
          width: 60,
          height: 60,
          fit: "contain",
          blur: 4,
          format: "png",
        })
      ).bytes,
    );
    for (let y = 0; y < 60; y++) {
      const pixel = pixelAt(picture, 30, y);
      if ((pixel[3] ?? 0) > 30) expect(differenceOf(pixel.slice(0, 3), BROWN_PIXEL.slice(0, 3))).toBeLessThanOrEqual(6);
    }
  });
});

/** JPEG and WebP are scaled while they are decoded, so a single variant and one of several differ by the resampling. */
const isScaledInDecoder = (kind: string, { animated = false }: Variant): boolean =>
  / (JPEG|WebP)$/.test(kind) && !(animated && kind.includes("animated"));

/** A picture without repetition, of a size that no shrink factor divides. */
function gradient(width: number, height: number, channels: 3 | 4): Sharp {
  const pixels = Buffer.alloc(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    pixels.set(
      [(x * 255) / width, (y * 255) / height, ((x + y) * 255) / (width + height), 255 - ((x + y) % 128)].slice(
        0,
        channels,
      ),
      i * channels,
    );
  }
  return sharp(pixels, { raw: { width, height, channels } });
}

/** The mean difference of the pixels of two pictures of the same size, in one channel. */
async function meanDifference(one: Buffer, other: Buffer): Promise<number> {
  const [{ pixels }, { pixels: others }] = [await decodePicture(one), await decodePicture(other)];
  expect(pixels).toHaveLength(others.length);
  return pixels.reduce((sum, value, i) => sum + Math.abs(value - (others[i] ?? 0)), 0) / pixels.length;
}

const MADE: readonly [string, () => Promise<Buffer>][] = [
  ["a JPEG", () => gradient(603, 401, 3).jpeg().toBuffer()],
  ["a turned JPEG", () => gradient(603, 401, 3).jpeg().withMetadata({ orientation: 6 }).toBuffer()],
  ["a PNG with alpha", () => gradient(203, 101, 4).png().toBuffer()],
  ["a PNG of 16 bits", () => gradient(203, 101, 4).toColourspace("rgb16").png().toBuffer()],
  ["a grey JPEG", () => gradient(603, 401, 3).toColourspace("b-w").jpeg().toBuffer()],
  ["a CMYK JPEG", () => gradient(303, 201, 3).toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer()],
  ["a wide-gamut PNG", () => gradient(203, 101, 3).withIccProfile("p3").png().toBuffer()],
  ["a WebP", () => gradient(203, 101, 4).webp().toBuffer()],
  ["an animated GIF", () => animated("gif")],
  ["an animated WebP", () => animated("webp")],
  ["a TIFF", () => gradient(203, 101, 3).tiff().toBuffer()],
];

async function animated(format: "gif" | "webp"): Promise<Buffer> {
  const { data } = await gradient(100, 150, 3).raw().toBuffer({ resolveWithObject: true });
  return sharp(data, { raw: { width: 100, height: 150, channels: 3, pageHeight: 50 } })
    .toFormat(format, { delay: [100, 200, 300] })
    .toBuffer();
}

const CASES: readonly Variant[] = (["cover", "contain", "inside", "outside", "fill"] as const).flatMap((fit) =>
  (["png", "jpeg", "webp", "gif", "avif"] as const).flatMap((format) =>
    [undefined, "#ff0000", "#00ff0080"].flatMap((background) =>
      [
        { width: 64, height: 48 },
        { width: 31, height: 90 },
      ].flatMap((box) =>
        (["drop", "keep"] as const).flatMap((metadata) =>
          [false, true].flatMap((isAnimated): Variant[] => {
            if (isAnimated && format !== "webp" && format !== "gif") return [];
            return [
              {
                ...box,
                fit,
                format,
                metadata,
                ...(background && { background }),
                ...(isAnimated && { animated: true, blur: 1 }),
              },
            ];
          }),
        ),
      ),
    ),
  ),
);

describe("a variant is the same alone and with others:", () => {
  it.each(MADE)("of %s", async (kind, make) => {
    const source = await make();
    const others: Variant[] = [
      { width: 300, format: "jpeg", metadata: "keep" },
      { width: 7, format: "png" },
      { width: 20, animated: true, format: "gif" },
    ];
    for (const variant of sample(
      [
        ...CASES,
        { format: "png" as const },
        { width: 500 },
        { height: 3 },
        { width: 30, height: 30, crop: "attention" as const },
      ],
      97,
    )) {
      const alone = await renderOne(source, variant);
      const [together] = await render(source, [variant, ...others]);
      if (!isScaledInDecoder(kind, variant))
        expect(together?.bytes.equals(alone.bytes), JSON.stringify(variant)).toBe(true);
      else
        expect(await meanDifference(alone.bytes, together?.bytes ?? source), JSON.stringify(variant)).toBeLessThan(
          variant.format === "gif" ? 5 : 2.5,
        );
      expect(together).toMatchObject({ width: alone.width, height: alone.height, format: alone.format });
    }
  });

  it("and its result has the size that a second library reads", async () => {
    const source = await gradient(603, 401, 3).jpeg().toBuffer();
    for (const variant of [
      { width: 97 },
      { height: 97 },
      { width: 64, height: 64 },
      { width: 64, height: 64, fit: "inside" },
      { width: 64, height: 64, fit: "outside" },
    ] as Variant[]) {
      const { width, height, bytes } = await renderOne(source, { ...variant, format: "png" });
      expect(await decodePicture(bytes)).toMatchObject({ width, height });
      if (variant.height === undefined) expect(height).toBe(Math.round((97 * 401) / 603));
      if (variant.width === undefined) expect(width).toBe(Math.round((97 * 603) / 401));
    }
  });
});

describe("without_enlargement", () => {
  it.each<[Variant, number, number]>([
    [{ width: 50 }, 40, 20],
    [{ height: 10 }, 20, 10],
    [{ width: 50, height: 50, fit: "inside" }, 40, 20],
    [{ width: 50, height: 10, fit: "outside" }, 40, 20],
    [{ width: 10, height: 10, fit: "outside" }, 20, 10],
    [{ width: 50, height: 10, fit: "fill" }, 40, 10],
    [{ width: 50, height: 50, fit: "contain" }, 50, 50],
    [{ width: 30, height: 50 }, 30, 20],
    [{ width: 30, height: 50, focus: { x: 1, y: 0 } }, 30, 20],
    [{ width: 30, height: 50, crop: "entropy" }, 30, 20],
    [{ width: 16_384, height: 16_384 }, 40, 20],
  ])("makes of 40 × 20 with %j an image of %i × %i", async (variant, width, height) => {
    const source = await sharp({ create: { width: 40, height: 20, channels: 3, background: BROWN } })
      .png()
      .toBuffer();
    const rendered = await renderOne(source, { ...variant, without_enlargement: true });
    expect(rendered).toMatchObject({ width, height });
    const picture = await decodePicture(rendered.bytes);
    expect(picture).toMatchObject({ width, height });
    if (variant.fit === "contain")
      expect([pixelAt(picture, 25, 14)[3], pixelAt(picture, 25, 16), pixelAt(picture, 4, 25)[3]]).toEqual([
        0,
        BROWN_PIXEL,
        0,
      ]);
  });
});
