/**
 * Renders the variants of an image. Every variant is drawn in the same way: alone, with others, still, or as the frames
 * of an animation.
 */
import type { Sharp } from "sharp";
import { type Bitmap, drawn, openBitmap } from "./bitmap.ts";
import { effortsOf } from "./cost.ts";
import { decoding, type Reading } from "./decoding.ts";
import { draw } from "./drawing.ts";
import { decodeFrames, openAnimation } from "./frames.ts";
import { assertFrames, type Image } from "./image.ts";
import { carrying, keptMetadata, withWebpMetadata } from "./metadata.ts";
import { assertOutputSize, outputSize, type Size, scaledSize } from "./output-size.ts";
import { pixelSource, scaled } from "./pixels.ts";
import { holdsFrames, type OutputFormat, type Variant } from "./variant.ts";
import { watermarkLayer } from "./watermark.ts";

export interface RenderedVariant extends Size {
  readonly bytes: Buffer;
  readonly format: OutputFormat;
  /** Whether the source is damaged, and this variant shows the part that could be decoded. */
  readonly isTruncated: boolean;
}

/** A variant with the values that follow from the source. */
interface Plan {
  readonly variant: Variant;
  readonly format: OutputFormat;
  /** Whether all frames are kept. */
  readonly isAnimated: boolean;
}

/** The options of an encoder. */
type EncoderOptions = NonNullable<Parameters<Sharp["toFormat"]>[1]>;

/**
 * Renders the variants of an image, one after the other.
 * @param watermarks by their reference, for each that a variant names
 * @throws {PermanentError} `image_invalid`, `image_too_large`
 * @throws {RetryableError} `image_timeout`
 */
export async function* renderVariants(
  image: Image,
  variants: readonly Variant[],
  watermarks: ReadonlyMap<string, Image>,
): AsyncGenerator<RenderedVariant> {
  const plans = variants.map((variant) => planOf(image, variant));
  const efforts = effortsOf(image, plans, watermarks);
  const still = pixelSource(
    image,
    plans.filter(({ isAnimated }) => !isAnimated).map(({ variant }) => variant),
  );
  let moving: Promise<Reading<Bitmap[]>> | undefined;
  for (const [i, plan] of plans.entries()) {
    const {
      isAnimated,
      format,
      variant: { quality },
    } = plan;
    const options: EncoderOptions = {
      ...(quality !== undefined && { quality }),
      ...(efforts[i] !== undefined && { effort: efforts[i] }),
    };
    const { value, isTruncated } = await (isAnimated ? (moving ??= decodeFrames(image)) : still(plan.variant));
    const picture = Array.isArray(value)
      ? await encodeFrames(value, image, plan, options)
      : await encodeStill(value, image, plan, options, watermarks);
    yield { ...picture, format, isTruncated: isTruncated || image.isTruncated };
  }
}

function planOf(image: Image, variant: Variant): Plan {
  const isAnimated = variant.animated === true && image.frames > 1 && holdsFrames(variant.format ?? image.format);
  if (isAnimated) assertFrames(image);
  const format = variant.format ?? defaultFormat(image, variant);
  assertOutputSize(image.size, variant, format, isAnimated ? image.frames : 1, image.maxPixels);
  return { variant, format, isAnimated };
}

function defaultFormat({ format }: Image, { animated = false }: Variant): OutputFormat {
  if (format === "gif") return animated ? "gif" : "png";
  if (format === "tiff") return "png";
  return format === "heic" ? "jpeg" : format;
}

type Encoded = Pick<RenderedVariant, "bytes" | "width" | "height">;

async function encodeStill(
  whole: Sharp,
  image: Image,
  { variant, format }: Plan,
  options: EncoderOptions,
  watermarks: ReadonlyMap<string, Image>,
): Promise<Encoded> {
  const drawing = await draw(whole, image.size, variant, format);
  const picture = await layer(drawing, variant, watermarks);
  const metadata = keptMetadata(image, variant, format, outputSize(image.size, variant));
  const { data, info } = await decoding(
    (metadata ? await carrying(picture, metadata, image.density) : picture)
      .toFormat(format, options)
      .toBuffer({ resolveWithObject: true }),
  );
  return { bytes: data, width: info.width, height: info.height };
}

/** Draws the watermark on the finished picture. */
async function layer(picture: Sharp, { watermark }: Variant, watermarks: ReadonlyMap<string, Image>): Promise<Sharp> {
  const image = watermark && watermarks.get(watermark.artifact);
  if (watermark === undefined || image === undefined) return picture;
  const bitmap = await drawn(picture);
  return openBitmap(bitmap).composite([await watermarkLayer(image, watermark, bitmap)]);
}

async function encodeFrames(
  frames: readonly Bitmap[],
  image: Image,
  { variant, format }: Plan,
  options: EncoderOptions,
): Promise<Encoded> {
  const [first, ...others] = frames;
  if (first === undefined) throw new Error("an animation without a frame");
  const drawFrame = async (frame: Bitmap): Promise<Bitmap> =>
    drawn(await draw(scaled(frame, scaledSize(image.size, variant)), image.size, variant, format));
  const pictures: [Bitmap, ...Bitmap[]] = [await drawFrame(first)];
  for (const frame of others) pictures.push(await drawFrame(frame));
  const timing = {
    ...(image.delaysMs && { delay: image.delaysMs }),
    ...(image.loops !== undefined && { loop: image.loops }),
  };
  const bytes = await decoding(
    openAnimation(pictures)
      .toFormat(format, { ...options, ...timing })
      .toBuffer(),
  );
  const { width, height } = pictures[0];
  const metadata = keptMetadata(image, variant, format, { width, height });
  return { bytes: metadata ? withWebpMetadata(bytes, metadata) : bytes, width, height };
}
