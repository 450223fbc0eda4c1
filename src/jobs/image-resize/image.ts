/**
 * Opens images with sharp (libvips). The bytes are untrusted: only the decoders of supported formats are enabled, and
 * the header is checked before a pixel is decoded.
 */
import sharp from "sharp";
import type { PermanentError } from "../../core/job-type.ts";
import { type OnError, type ReadOptions, reading } from "./decoding.ts";
import { imageError } from "./error-codes.ts";
import { isSvg, otherFormat, type SourceFormat, sniffFormat, tiffIssue } from "./format.ts";
import type { Size } from "./output-size.ts";

/** The limit for a kept animation: at 25 frames a second, 40 s. */
const MAX_FRAMES = 1_000;

/**
 * The limit for a side of a source, which is that of JPEG and GIF. Decoders and scalers keep whole lines or data about
 * each line: a PNG of 50,000,000 × 1 took 1.4 GB.
 */
const MAX_SOURCE_SIDE = 65_535;

const DECODERS = ["Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff"].map((name) => `VipsForeignLoad${name}Buffer`);

/** sharp's prebuilt libvips omits HEVC because of its patents; a libvips built with HEVC lists this extension. */
const readsHeic = sharp.format.heif.input.fileSuffix?.includes(".heic") === true;

/** Prepares libvips in this process. Call it before the first image. */
export function prepareSharp(): void {
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: DECODERS });
  sharp.concurrency(1); // the pool's threads, each with its own image process, provide the concurrency
  sharp.cache(false); // jobs share no operations
}

/** An image whose header has been read and checked, but not its pixels. */
export interface Image {
  readonly bytes: Buffer;
  readonly format: SourceFormat;
  /** The size of one frame as it is displayed, after its orientation is applied. */
  readonly size: Size;
  /** 1 for a still image. */
  readonly frames: number;
  /** How long each frame is shown, in milliseconds, if the file specifies it. */
  readonly delaysMs: number[] | undefined;
  /** How often the animation plays; 0 for endlessly. */
  readonly loops: number | undefined;
  /** EXIF's orientation, 1 to 8; 1 by default. It is already applied to `size`. */
  readonly orientation: number;
  readonly exif: Buffer | undefined;
  readonly xmp: Buffer | undefined;
  /** The print resolution in pixels per inch, if the file specifies it. */
  readonly density: number | undefined;
  readonly maxPixels: number;
  readonly onError: OnError;
  /** Whether the header could be read only with the leniency for damaged files. */
  readonly isTruncated: boolean;
}

/**
 * Reads an image's header.
 * @throws {PermanentError} `image_unsupported`, `image_invalid`, `image_too_large`
 */
export async function openImage(bytes: Buffer, { maxPixels, onError }: ReadOptions): Promise<Image> {
  const format = readableFormat(bytes, maxPixels);
  const { value: header, isTruncated } = await reading(onError, (strictness) =>
    sharp(bytes, { ...strictness, autoOrient: true, limitInputPixels: false }).metadata(),
  );
  const size = header.autoOrient;
  if (size.width * size.height > maxPixels) {
    throw imageError.permanent(
      "image_too_large",
      `the image has ${size.width} × ${size.height} pixels, more than ${maxPixels}`,
    );
  }
  if (Math.max(size.width, size.height) > MAX_SOURCE_SIDE) {
    throw imageError.permanent(
      "image_too_large",
      `the image of ${size.width} × ${size.height} pixels is longer than ${MAX_SOURCE_SIDE}`,
    );
  }
  // the pages of AVIF, HEIC and TIFF are separate pictures
  const frames = format === "gif" || format === "webp" ? (header.pages ?? 1) : 1;
  const { delay: delaysMs, loop: loops, orientation = 1, exif, xmp, density } = header;
  return {
    bytes,
    format,
    size,
    frames,
    delaysMs,
    loops,
    orientation,
    exif,
    xmp,
    density,
    maxPixels,
    onError,
    isTruncated,
  };
}

const SUPPORTED = "Supported are JPEG, PNG, WebP, AVIF, GIF and TIFF";

function readableFormat(bytes: Buffer, maxPixels: number): SourceFormat {
  const format = sniffFormat(bytes);
  if (format === "heic" && !readsHeic)
    throw unsupported("HEIC is not read here: this build of libvips has no HEVC decoder. Send JPEG, or AVIF");
  if (format === undefined && isSvg(bytes))
    throw unsupported("SVG is not read: it is a program for a renderer, not an image. Send it rendered, as PNG");
  if (format === undefined)
    throw unsupported(`${otherFormat(bytes) ?? "this file's format"} is not read here. ${SUPPORTED}`);
  const issue = format === "tiff" ? tiffIssue(bytes, maxPixels) : undefined;
  if (issue !== undefined) throw unsupported(`${issue}. ${SUPPORTED}`);
  return format;
}

function unsupported(message: string): PermanentError {
  return imageError.permanent("image_unsupported", message);
}

/**
 * Rejects an animation that has too many frames, or too many pixels in all frames together.
 * @throws {PermanentError} `image_too_large`
 */
export function assertFrames({ size, frames, maxPixels }: Image): void {
  if (frames > MAX_FRAMES)
    throw imageError.permanent("image_too_large", `the animation has ${frames} frames, more than ${MAX_FRAMES}`);
  if (size.width * size.height * frames > maxPixels) {
    throw imageError.permanent(
      "image_too_large",
      `the animation has ${frames} frames of ${size.width} × ${size.height} pixels, together more than ${maxPixels}`,
    );
  }
}
