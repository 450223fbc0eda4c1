/**
 * Images through sharp (libvips). Bytes are untrusted: only the decoders of five formats are unblocked, the header is
 * judged before a pixel is decoded, and each operation has a deadline inside libvips, because ending a thread need
 * not end what libvips does on its behalf.
 */
import sharp, { type Sharp } from "sharp";
import { PermanentError, RetryableError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";
import { sniffFormat, type SourceFormat } from "./format.ts";
import { assertOutputSize, MAX_PIXELS, type OutputFormat, type Size, type Variant } from "./variant.ts";

/** Of one libvips operation: below the 120 s of an attempt, so that it ends with a reason. */
const OPERATION_TIMEOUT_SECONDS = 100;

/**
 * `error` refuses what is broken or cut short. `warning` would refuse real photos too: stray bytes between JPEG
 * markers and odd scan parameters, which phones write, are warnings and decode well. `truncated` lets errors pass.
 */
const READ = { failOn: "error", limitInputPixels: MAX_PIXELS, pages: 1, autoOrient: true } as const;

const DECODERS = ["Jpeg", "Png", "Webp", "Heif", "Nsgif"].map((name) => `VipsForeignLoad${name}Buffer`);

/** Prepares libvips, for this whole process. To be called once in each thread, before the first image. */
export function prepareSharp(): void {
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: DECODERS });
  sharp.concurrency(1); // the pool's threads are the concurrency
  sharp.cache(false); // no two jobs share an operation
}

/** An image whose header has been read and judged; its pixels have not. */
export interface Image {
  readonly bytes: Buffer;
  readonly format: SourceFormat;
  /** As it is seen, its orientation applied. */
  readonly size: Size;
}

export interface RenderedVariant extends Size {
  readonly bytes: Buffer;
  readonly format: OutputFormat;
}

/**
 * Reads an image's header.
 * @throws {PermanentError} `image_unsupported`, `image_invalid`, `image_too_large`
 */
export async function openImage(bytes: Buffer): Promise<Image> {
  const format = sniffFormat(bytes);
  if (format === undefined) throw new PermanentError("not a JPEG, PNG, WebP, AVIF or GIF image", { code: "image_unsupported" });
  const { autoOrient: size } = await decoding(sharp(bytes, { ...READ, limitInputPixels: false }).metadata());
  if (size.width * size.height > MAX_PIXELS) {
    throw new PermanentError(`the image has ${size.width} × ${size.height} pixels, more than ${MAX_PIXELS}`, { code: "image_too_large" });
  }
  return { bytes, format, size };
}

/**
 * Renders the variants of an image, one after the other.
 *
 * Each decodes the source anew, except for AVIF. JPEG and WebP decode straight to a smaller size, and a PNG streams
 * through its resize, so three variants of 12 megapixels (1,600, 800 and 200 wide) cost 163, 721 and 450 ms that way,
 * and 240, 851 and 489 ms from pixels decoded once. For AVIF it is 4,370 ms against 1,620 ms.
 * @throws {PermanentError} `image_invalid`, `image_too_large`
 * @throws {RetryableError} `image_timeout`
 */
export async function* renderVariants(image: Image, variants: readonly Variant[]): AsyncGenerator<RenderedVariant> {
  for (const variant of variants) assertOutputSize(image.size, variant, formatOf(image, variant));
  const decoder = image.format === "avif" && variants.length > 1 ? await decodeOnce(image) : () => sharp(image.bytes, READ);
  for (const variant of variants) yield await render(decoder(), variant, formatOf(image, variant));
}

function formatOf(image: Image, { format }: Variant): OutputFormat {
  return format ?? (image.format === "gif" ? "png" : image.format);
}

async function decodeOnce(image: Image): Promise<() => Sharp> {
  const pixels = sharp(image.bytes, READ).timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).raw();
  const { data, info } = await decoding(pixels.toBuffer({ resolveWithObject: true }));
  return () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
}

async function render(decoder: Sharp, variant: Variant, format: OutputFormat): Promise<RenderedVariant> {
  const { width, height, fit = "cover", quality } = variant;
  // JPEG knows no transparency: white lies below, and around what `contain` letterboxes
  const background = { r: 255, g: 255, b: 255, alpha: format === "jpeg" ? 1 : 0 };
  const resized = decoder.timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).resize({ width, height, fit, background });
  const flat = format === "jpeg" ? resized.flatten({ background }) : resized;
  const encoder = flat.toFormat(format, quality === undefined ? {} : { quality });
  const { data, info } = await decoding(encoder.toBuffer({ resolveWithObject: true }));
  return { bytes: data, format, width: info.width, height: info.height };
}

/** Names what an operation on untrusted bytes fails with: sharp's errors carry no code, and only a deadline is not the image's own fault. */
async function decoding<T>(operation: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  try {
    return await operation;
  } catch (thrown) {
    if (performance.now() - startedMs >= OPERATION_TIMEOUT_SECONDS * 1_000) {
      throw new RetryableError(`the image took longer than ${OPERATION_TIMEOUT_SECONDS} s`, { code: "image_timeout", cause: thrown });
    }
    throw new PermanentError(`the image cannot be read: ${messageOf(thrown)}`, { code: "image_invalid", cause: thrown });
  }
}
