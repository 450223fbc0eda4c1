/**
 * The pixels that variants are drawn from. The source is decoded at its full size; a JPEG that a variant makes much smaller is
 * decoded at a half, a quarter or an eighth, which libjpeg does while it decodes. Which of these depends on the source and
 * the one variant, so a variant is the same picture alone and beside others. Variants of one shrink share one decoding.
 */
import sharp from "sharp";
import { toBitmap, type Bitmap } from "./bitmap.ts";
import { reading, type Reading } from "./decoding.ts";
import type { Image } from "./image.ts";
import { scaledSize, type Size } from "./output-size.ts";
import type { Variant } from "./variant.ts";

const SHRINKS = [8, 4, 2] as const;

/** Gives a still variant its pixels. */
export type PixelSource = (variant: Variant) => Promise<Reading<Bitmap>>;

/** Decodes a source as its variants ask for it. */
export function pixelSource(image: Image): PixelSource {
  const decoded = new Map<number, Promise<Reading<Bitmap>>>();
  return (variant) => {
    const shrink = shrinkFor(image, variant);
    let pixels = decoded.get(shrink);
    if (pixels === undefined) decoded.set(shrink, (pixels = decode(image, shrink)));
    return pixels;
  };
}

/** By how much a variant's source is shrunk while it is decoded: the most that leaves as many pixels as the variant shows of it. */
export function shrinkFor({ format, size }: Pick<Image, "format" | "size">, variant: Variant): number {
  if (format !== "jpeg") return 1;
  const wanted = scaledSize(size, variant);
  return SHRINKS.find((shrink) => fits(shrunk(size, shrink), wanted)) ?? 1;
}

function fits(shrunken: Size, wanted: Size): boolean {
  return shrunken.width >= wanted.width && shrunken.height >= wanted.height;
}

function shrunk({ width, height }: Size, shrink: number): Size {
  return { width: Math.floor(width / shrink), height: Math.floor(height / shrink) };
}

function decode({ bytes, size, maxPixels, onError }: Image, shrink: number): Promise<Reading<Bitmap>> {
  return reading(onError, (strictness) => {
    const decoder = sharp(bytes, { ...strictness, limitInputPixels: maxPixels, autoOrient: true, pages: 1 });
    return toBitmap(shrink === 1 ? decoder : decoder.resize({ ...shrunk(size, shrink), fit: "fill" }));
  });
}
