/** Renders the variants of an image: a single one decodes straight to its size, several share pixels that are decoded once. */
import sharp, { type Color, type Sharp } from "sharp";
import { decoding, OPERATION_TIMEOUT_SECONDS, READ } from "./decoding.ts";
import { effortsOf } from "./cost.ts";
import { assertFrames, type Image } from "./image.ts";
import { assertOutputSize, outputSize, type Size } from "./output-size.ts";
import { decodeOnce, type PixelSource } from "./pixels.ts";
import { holdsFrames, type OutputFormat, type Variant } from "./variant.ts";
import { watermarkLayer } from "./watermark.ts";

export interface RenderedVariant extends Size {
  readonly bytes: Buffer;
  readonly format: OutputFormat;
}

/** A variant with what follows from the source. */
interface Plan {
  readonly variant: Variant;
  readonly format: OutputFormat;
  /** Whether all frames are kept. */
  readonly isAnimated: boolean;
}

/**
 * Renders the variants of an image, one after the other.
 * @param watermarks by their reference, for each that a variant names
 * @throws {PermanentError} `image_invalid`, `image_too_large`
 * @throws {RetryableError} `image_timeout`
 */
export async function* renderVariants(image: Image, variants: readonly Variant[], watermarks: ReadonlyMap<string, Image>): AsyncGenerator<RenderedVariant> {
  const plans = variants.map((variant) => planOf(image, variant));
  const efforts = effortsOf(image, plans, watermarks);
  const moving = await movingSource(image, plans.filter(({ isAnimated }) => isAnimated));
  const still = await stillSource(image, plans.filter(({ isAnimated }) => !isAnimated));
  for (const [i, plan] of plans.entries()) {
    const source = await (plan.isAnimated ? moving : still)(plan.variant);
    const layered = await layer(resized(source, image, plan), plan, watermarks);
    yield await encode(layered, image, plan, efforts[i]);
  }
}

function planOf(image: Image, variant: Variant): Plan {
  const isAnimated = variant.animated === true && image.frames > 1 && holdsFrames(variant.format ?? image.format);
  if (isAnimated) assertFrames(image);
  const format = variant.format ?? defaultFormat(image, variant.animated === true);
  assertOutputSize(image.size, variant, format, isAnimated ? image.frames : 1);
  return { variant, format, isAnimated };
}

function defaultFormat({ format }: Image, isAnimated: boolean): OutputFormat {
  if (format === "gif") return isAnimated ? "gif" : "png";
  return format === "heic" ? "jpeg" : format;
}

/** Where the pixels of the still variants come from: decoded at its size for a single one, decoded once for several. */
async function stillSource(image: Image, plans: readonly Plan[]): Promise<PixelSource> {
  if (plans.length < 2) return () => Promise.resolve(sharp(image.bytes, { ...READ, pages: 1 }));
  return decodeOnce(image, plans.map(({ variant }) => variant));
}

/** All frames, one below the other; decoded once for several variants, unless one of them keeps metadata, which bare pixels do not carry. */
async function movingSource(image: Image, plans: readonly Plan[]): Promise<PixelSource> {
  const open = (): Sharp => sharp(image.bytes, { ...READ, pages: -1 });
  if (plans.length < 2 || plans.some(({ variant }) => variant.metadata === "keep")) return () => Promise.resolve(open());
  const { data, info } = await decoding(open().timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).raw().toBuffer({ resolveWithObject: true }));
  const raw = { width: info.width, height: info.height, channels: info.channels, pageHeight: info.pageHeight ?? info.height };
  return () => Promise.resolve(sharp(data, { raw, pages: -1, limitInputPixels: false }));
}

function resized(decoder: Sharp, image: Image, { variant, format }: Plan): Sharp {
  const { width, height, fit = "cover", crop = "center", focus, blur, sharpen } = variant;
  const background = backgroundOf(variant, format);
  const source = decoder.timeout({ seconds: OPERATION_TIMEOUT_SECONDS });
  if (width !== undefined && height !== undefined && focus !== undefined) focusOn(source, image.size, { width, height }, focus);
  else if (width !== undefined || height !== undefined) source.resize({ width, height, fit, background, position: crop });
  if (format === "jpeg" || isOpaque(variant)) source.flatten({ background });
  if (blur !== undefined) source.blur(blur);
  if (sharpen !== undefined) source.sharpen({ sigma: sharpen });
  return source;
}

/** Scales until both sides are filled, and takes the box whose middle is nearest to the point. */
function focusOn(source: Sharp, size: Size, { width, height }: Size, { x, y }: { readonly x: number; readonly y: number }): void {
  const scaled = outputSize(size, { width, height, fit: "outside" });
  const startOf = (point: number, whole: number, part: number): number => Math.min(Math.max(Math.round(point * whole - part / 2), 0), whole - part);
  source.resize({ ...scaled, fit: "fill" }).extract({ left: startOf(x, scaled.width, width), top: startOf(y, scaled.height, height), width, height });
}

/** JPEG knows no transparency: white lies below, and around what `contain` letterboxes. */
function backgroundOf({ background }: Variant, format: OutputFormat): Color {
  if (background !== undefined) return format === "jpeg" ? background.slice(0, "#rrggbb".length) : background;
  return { r: 255, g: 255, b: 255, alpha: format === "jpeg" ? 1 : 0 };
}

function isOpaque({ background }: Variant): boolean {
  return background !== undefined && (background.length === "#rrggbb".length || background.toLowerCase().endsWith("ff"));
}

/** Lays the watermark on the finished picture, whose size is known only now. */
async function layer(picture: Sharp, { variant: { watermark, metadata } }: Plan, watermarks: ReadonlyMap<string, Image>): Promise<Sharp> {
  const mark = watermark && watermarks.get(watermark.artifact);
  if (watermark === undefined || mark === undefined) return picture;
  if (metadata === "keep") picture.keepExif().keepXmp();
  const { data, info } = await decoding(picture.png({ compressionLevel: 0 }).toBuffer({ resolveWithObject: true }));
  return sharp(data, { limitInputPixels: false }).timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).composite([await watermarkLayer(mark, watermark, info)]);
}

async function encode(picture: Sharp, image: Image, { variant: { quality, metadata }, format, isAnimated }: Plan, effort: number | undefined): Promise<RenderedVariant> {
  if (metadata === "keep") picture.keepExif().keepXmp();
  const timing = isAnimated ? { ...(image.delaysMs && { delay: image.delaysMs }), ...(image.loops !== undefined && { loop: image.loops }) } : {};
  const encoder = picture.toFormat(format, { ...(quality !== undefined && { quality }), ...(effort !== undefined && { effort }), ...timing });
  const { data, info } = await decoding(encoder.toBuffer({ resolveWithObject: true }));
  return { bytes: data, format, width: info.width, height: isAnimated ? (info.pageHeight ?? info.height) : info.height };
}
