/**
 * Images through sharp (libvips). Bytes are untrusted: only the decoders of the formats that are read are unblocked,
 * and the header is judged before a pixel is decoded.
 */
import sharp from "sharp";
import { PermanentError } from "../core/job-type.ts";
import { decoding, READ } from "./decoding.ts";
import { isSvg, sniffFormat, type SourceFormat } from "./format.ts";
import { MAX_PIXELS, type Size } from "./output-size.ts";

/** Of an animation that is kept; at 25 a second, half a minute and more. */
const MAX_FRAMES = 1_000;

/** Of a source: that of JPEG and GIF. Decoders and scalers keep whole lines, or a note of each: a PNG of 50,000,000 × 1 took 1.4 GB. */
const MAX_SOURCE_SIDE = 65_535;

const DECODERS = ["Jpeg", "Png", "Webp", "Heif", "Nsgif"].map((name) => `VipsForeignLoad${name}Buffer`);

/** sharp's own build of libvips leaves HEVC out, for its patents; one that was built with it names the extension. */
const readsHeic = sharp.format.heif.input.fileSuffix?.includes(".heic") === true;

/** Prepares libvips, for this whole process, before the first image. */
export function prepareSharp(): void {
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: DECODERS });
  sharp.concurrency(1); // the pool's threads, each with a process of its own, are the concurrency
  sharp.cache(false); // no two jobs share an operation
}

/** An image whose header has been read and judged; its pixels have not. */
export interface Image {
  readonly bytes: Buffer;
  readonly format: SourceFormat;
  /** Of one frame, as it is seen, its orientation applied. */
  readonly size: Size;
  /** 1 for what is not animated. */
  readonly frames: number;
  /** How long each frame is shown, in milliseconds, where it says so. */
  readonly delaysMs: number[] | undefined;
  /** How often the animation plays, 0 for ever. */
  readonly loops: number | undefined;
}

/**
 * Reads an image's header.
 * @throws {PermanentError} `image_unsupported`, `image_invalid`, `image_too_large`
 */
export async function openImage(bytes: Buffer): Promise<Image> {
  const format = readableFormat(bytes);
  const header = await decoding(sharp(bytes, { ...READ, limitInputPixels: false }).metadata());
  const size = header.autoOrient;
  if (size.width * size.height > MAX_PIXELS) {
    throw new PermanentError(`the image has ${size.width} × ${size.height} pixels, more than ${MAX_PIXELS}`, { code: "image_too_large" });
  }
  if (Math.max(size.width, size.height) > MAX_SOURCE_SIDE) {
    throw new PermanentError(`the image of ${size.width} × ${size.height} pixels is longer than ${MAX_SOURCE_SIDE}`, { code: "image_too_large" });
  }
  const frames = format === "gif" || format === "webp" ? (header.pages ?? 1) : 1; // of AVIF and HEIC, pages are other pictures
  return { bytes, format, size, frames, delaysMs: header.delay, loops: header.loop };
}

function readableFormat(bytes: Buffer): SourceFormat {
  const format = sniffFormat(bytes);
  if (format === "heic" && !readsHeic) throw unsupported("HEIC is not read here: this build of libvips has no HEVC decoder. Send JPEG, or AVIF");
  if (format === undefined && isSvg(bytes)) throw unsupported("SVG is not read: it is a program for a renderer, not an image. Send it rendered, as PNG");
  if (format === undefined) throw unsupported("not a JPEG, PNG, WebP, AVIF or GIF image");
  return format;
}

function unsupported(message: string): PermanentError {
  return new PermanentError(message, { code: "image_unsupported" });
}

/**
 * Refuses an animation that is too long or, all frames together, too large to be decoded whole.
 * @throws {PermanentError} `image_too_large`
 */
export function assertFrames({ size, frames }: Image): void {
  if (frames > MAX_FRAMES) throw new PermanentError(`the animation has ${frames} frames, more than ${MAX_FRAMES}`, { code: "image_too_large" });
  if (size.width * size.height * frames > MAX_PIXELS) {
    throw new PermanentError(`the animation has ${frames} frames of ${size.width} × ${size.height} pixels, together more than ${MAX_PIXELS}`, { code: "image_too_large" });
  }
}
