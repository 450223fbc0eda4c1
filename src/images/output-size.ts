import { PermanentError } from "../core/job-type.ts";
import { MAX_SIDE, type OutputFormat, type Variant } from "./variant.ts";

/** WebP's header stops here. */
const MAX_WEBP_SIDE = 16_383;
/** Before `cover` crops; the coordinates of libvips end at ten times that. */
const MAX_SCALED_SIDE = 1_000_000;
/** Of an input and of each output, all frames together: room for a camera of 48 megapixels, 200 MB when decoded with alpha. */
export const MAX_PIXELS = 50_000_000;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Why an output of this size cannot be made, or undefined. @param frames how many there are of it */
export function sizeFault({ width, height }: Size, format: OutputFormat | undefined, frames = 1): string | undefined {
  const maxSide = format === "webp" ? MAX_WEBP_SIDE : MAX_SIDE;
  if (Math.max(width, height) > maxSide) return `an output of ${width} × ${height} is longer than ${maxSide} pixels`;
  if (width * height * frames <= MAX_PIXELS) return undefined;
  return `an output of ${width} × ${height}${frames > 1 ? ` in ${frames} frames` : ""} has more than ${MAX_PIXELS} pixels`;
}

/**
 * Refuses a variant whose output would be too large, before anything is decoded: with one side given, or `outside`,
 * the other follows from the source and knows no bound of its own.
 * @throws {PermanentError} `image_too_large`
 */
export function assertOutputSize(source: Size, variant: Variant, format: OutputFormat, frames: number): void {
  const fault = sizeFault(outputSize(source, variant), format, frames) ?? cropFault(source, variant);
  if (fault !== undefined) throw new PermanentError(fault, { code: "image_too_large" });
}

/** `cover` scales until both sides are filled, and then crops: of a thin strip that makes more than libvips can address. */
function cropFault(source: Size, { width, height, fit = "cover" }: Variant): string | undefined {
  if (fit !== "cover" || width === undefined || height === undefined) return undefined;
  const scaled = outputSize(source, { width, height, fit: "outside" });
  if (Math.max(scaled.width, scaled.height) <= MAX_SCALED_SIDE) return undefined;
  return `to cover ${width} × ${height}, the image would be scaled to ${scaled.width} × ${scaled.height}`;
}

/** The size of the output that a variant makes of a source (as it is seen, its orientation applied). */
export function outputSize(source: Size, { width, height, fit = "cover" }: Variant): Size {
  if (width !== undefined && height !== undefined && (fit === "cover" || fit === "contain" || fit === "fill")) return { width, height };
  const scales = scalesOf(source, { width, height });
  const scale = fit === "outside" ? Math.max(...scales) : Math.min(...scales);
  return { width: Math.max(1, Math.round(source.width * scale)), height: Math.max(1, Math.round(source.height * scale)) };
}

/** The most by which a side of the source is scaled: what a variant needs of the source's pixels. */
export function largestScale(source: Size, variant: Variant): number {
  return Math.max(...scalesOf(source, variant));
}

function scalesOf(source: Size, { width, height }: { readonly width?: number | undefined; readonly height?: number | undefined }): number[] {
  const given = [];
  if (width !== undefined) given.push(width / source.width);
  if (height !== undefined) given.push(height / source.height);
  return given.length === 0 ? [1] : given;
}
