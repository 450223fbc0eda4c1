/**
 * Images through sharp (libvips). Bytes are untrusted: only the decoders of the formats that are read are unblocked,
 * and the header is judged before a pixel is decoded.
 */
import sharp from "sharp";
import type { PermanentError } from "../../core/job-type.ts";
import { type OnError, type ReadOptions, reading } from "./decoding.ts";
import { imageError } from "./error-codes.ts";
import { isSvg, otherFormat, type SourceFormat, sniffFormat, tiffIssue } from "./format.ts";
import type { Size } from "./output-size.ts";

/** Of an animation that is kept; at 25 a second, half a minute and more. */
const MAX_FRAMES = 1_000;

/**
 * Of a source: that of JPEG and GIF. Decoders and scalers keep whole lines, or a note of each: a PNG of 50,000,000 × 1
 * took 1.4 GB.
 */
const MAX_SOURCE_SIDE = 65_535;

const DECODERS = ["Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff"].map((name) => `VipsForeignLoad${name}Buffer`);

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
  /** EXIF's, 1 to 8; 1 where there is none. `size` has it applied. */
  readonly orientation: number;
  readonly exif: Buffer | undefined;
  readonly xmp: Buffer | undefined;
  /** Pixels to the inch when it is printed, where it says so. */
  readonly density: number | undefined;
  readonly maxPixels: number;
  readonly onError: OnError;
  /** Whether its header could be read only as that of a damaged file. */
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
  // of AVIF and HEIC, pages are other pictures; of TIFF as well
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
    throw unsupported(`${otherFormat(bytes) ?? "what this file is"} is not read here. ${SUPPORTED}`);
  const issue = format === "tiff" ? tiffIssue(bytes, maxPixels) : undefined;
  if (issue !== undefined) throw unsupported(`${issue}. ${SUPPORTED}`);
  return format;
}

function unsupported(message: string): PermanentError {
  return imageError.permanent("image_unsupported", message);
}

/**
 * Refuses an animation that is too long or, all frames together, too large to be decoded whole.
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
