/**
 * Provides the pixels from which still variants are drawn: the whole source, scaled as the variant requires. Most
 * formats are decoded once at full size, so a variant is identical, bit for bit, alone and with others. JPEG and WebP
 * are scaled while they are decoded, which takes a third of the time. A single variant is decoded directly at its size.
 * Several variants share one decoding at the scale of the largest, and halvings of it, so that the last step is a
 * factor of two or more (like libvips's default `gap`). If the two largest are too close for that, the source is
 * decoded at twice the larger scale. The results of both ways differ only by the resampling.
 */
import sharp, { type Sharp } from "sharp";
import { type Bitmap, drawn, openBitmap, toBitmap } from "./bitmap.ts";
import { type Reading, reading } from "./decoding.ts";
import type { Image } from "./image.ts";
import { type Size, scaledSize } from "./output-size.ts";
import type { Variant } from "./variant.ts";

/** Returns a pipeline with the whole source at a still variant's scale. */
export type PixelSource = (variant: Variant) => Promise<Reading<Sharp>>;

/** The source at some scale. */
interface Level {
  readonly bitmap: Bitmap;
  readonly scale: number;
}

/** Decodes the source for these variants when the first of them is requested. */
export function pixelSource(image: Image, variants: readonly Variant[]): PixelSource {
  const isScaledInDecoder = image.format === "jpeg" || image.format === "webp";
  if (isScaledInDecoder && variants.length < 2) {
    return async (variant) => {
      const { value, isTruncated } = await decode(image, scaledSize(image.size, variant));
      return { value: openBitmap(value), isTruncated };
    };
  }
  const scaleOf = (variant: Variant): number => Math.min(1, largestScale(image.size, scaledSize(image.size, variant)));
  const scale = isScaledInDecoder ? firstScale(variants.map(scaleOf)) : 1;
  let first: Promise<Reading<Bitmap>> | undefined;
  const levels: Level[] = []; // from large to small
  return async (variant) => {
    const { value, isTruncated } = await (first ??= decode(image, sizeAt(image.size, scale)));
    if (levels.length === 0) levels.push({ bitmap: value, scale });
    const bitmap = isScaledInDecoder ? await levelFor(scaleOf(variant), levels, image.size) : value;
    return { value: scaled(bitmap, scaledSize(image.size, variant)), isTruncated };
  };
}

/** A pipeline that scales a bitmap, or passes it through if it already has the size. */
export function scaled(bitmap: Bitmap, size: Size): Sharp {
  const pipeline = openBitmap(bitmap);
  return bitmap.width === size.width && bitmap.height === size.height
    ? pipeline
    : pipeline.resize({ ...size, fit: "fill" });
}

/** The smallest level with at least twice the wanted scale, or else the largest level. Adds missing halvings first. */
async function levelFor(wanted: number, levels: Level[], size: Size): Promise<Bitmap> {
  for (let last = levels.at(-1); last && last.scale >= 4 * wanted; last = levels.at(-1)) {
    const scale = last.scale / 2;
    levels.push({ bitmap: await drawn(scaled(last.bitmap, sizeAt(size, scale))), scale });
  }
  const level = levels.findLast(({ scale }) => scale >= 2 * wanted) ?? levels[0];
  if (level === undefined) throw new Error("no level was decoded");
  return level.bitmap;
}

function firstScale(scales: readonly number[]): number {
  const [largest = 1, second = 0] = [...new Set(scales)].sort((a, b) => b - a);
  return largest >= 2 * second ? largest : Math.min(1, 2 * largest);
}

/** The scale that a variant needs: that of the side that is reduced less. */
function largestScale(size: Size, wanted: Size): number {
  return Math.max(wanted.width / size.width, wanted.height / size.height);
}

function sizeAt({ width, height }: Size, scale: number): Size {
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function decode({ bytes, size, maxPixels, onError }: Image, wanted: Size): Promise<Reading<Bitmap>> {
  return reading(onError, (strictness) => {
    const decoder = sharp(bytes, { ...strictness, limitInputPixels: maxPixels, autoOrient: true, pages: 1 });
    return toBitmap(
      wanted.width === size.width && wanted.height === size.height
        ? decoder
        : decoder.resize({ ...wanted, fit: "fill" }),
    );
  });
}
