/**
 * A still source decoded once, for several variants, at the scale of the largest: its decoder may shrink on the way, as
 * for a single variant. The others are scaled down from that, or from halvings of it, so that the last step is a factor of
 * two or more, which keeps each as sharp as one scaled from the source (libvips's own `gap` is as wide). Where two of
 * the largest are too close for that, the source is decoded at twice their scale.
 */
import sharp, { type Sharp } from "sharp";
import { decoding, OPERATION_TIMEOUT_SECONDS, READ } from "./decoding.ts";
import type { Image } from "./image.ts";
import { largestScale } from "./output-size.ts";
import type { Variant } from "./variant.ts";

/** The source at some scale, in what costs least to read again. */
interface Level {
  readonly open: () => Sharp;
  readonly scale: number;
}

/** Gives a variant its pixels. */
export type PixelSource = (variant: Variant) => Promise<Sharp>;

/** Decodes the source for these variants. */
export async function decodeOnce(image: Image, variants: readonly Variant[]): Promise<PixelSource> {
  const keepsMetadata = variants.some(({ metadata }) => metadata === "keep");
  const scaleOf = (variant: Variant): number => Math.min(1, largestScale(image.size, variant));
  const first = await makeLevel(sharp(image.bytes, { ...READ, pages: 1 }), image, firstScale(variants.map(scaleOf)), keepsMetadata);
  const levels = [first]; // from large to small
  return async (variant) => {
    const wanted = scaleOf(variant);
    for (let last = levels.at(-1) ?? first; last.scale >= 4 * wanted; levels.push(last)) last = await makeLevel(last.open(), image, last.scale / 2, keepsMetadata);
    return (levels.findLast(({ scale }) => scale >= 2 * wanted) ?? first).open();
  };
}

function firstScale(scales: readonly number[]): number {
  const [largest = 1, second = 0] = [...new Set(scales)].sort((a, b) => b - a);
  return largest >= 2 * second ? largest : Math.min(1, 2 * largest);
}

async function makeLevel(source: Sharp, { size }: Image, scale: number, keepsMetadata: boolean): Promise<Level> {
  const [width, height] = [size.width, size.height].map((side) => Math.max(1, Math.round(side * scale)));
  if (scale < 1) source.resize({ width, height, fit: "fill" });
  // bare pixels carry no metadata; a PNG that is not compressed does
  if (keepsMetadata) source.keepExif().keepXmp().png({ compressionLevel: 0 });
  else source.raw();
  const { data, info } = await decoding(source.timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).toBuffer({ resolveWithObject: true }));
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return { scale, open: () => sharp(data, { limitInputPixels: false, ...(!keepsMetadata && { raw }) }) };
}
