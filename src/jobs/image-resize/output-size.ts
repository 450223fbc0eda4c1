import { imageError } from "./error-codes.ts";
import { MAX_SIDE, type OutputFormat, type Variant } from "./variant.ts";

/** The limit of WebP's header. */
const MAX_WEBP_SIDE = 16_383;
/** The limit before `cover` crops; the coordinates of libvips end at ten times this. */
const MAX_SCALED_SIDE = 1_000_000;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The fields of a variant that decide its size. */
export type Box = Pick<Variant, "width" | "height" | "fit" | "without_enlargement">;

/** Why an output of this size is not possible, or undefined. @param frames the number of its frames */
export function sizeIssue(
  { width, height }: Size,
  format: OutputFormat | undefined,
  maxPixels: number,
  frames = 1,
): string | undefined {
  const maxSide = format === "webp" ? MAX_WEBP_SIDE : MAX_SIDE;
  if (Math.max(width, height) > maxSide) return `an output of ${width} × ${height} is longer than ${maxSide} pixels`;
  if (width * height * frames <= maxPixels) return undefined;
  return `an output of ${width} × ${height}${frames > 1 ? ` in ${frames} frames` : ""} has more than ${maxPixels} pixels`;
}

/**
 * Rejects a variant whose output would be too large, before anything is decoded: with only one side given, or with
 * `outside`, the other side follows from the source and has no bound.
 * @throws {PermanentError} `image_too_large`
 */
export function assertOutputSize(
  source: Size,
  variant: Variant,
  format: OutputFormat,
  frames: number,
  maxPixels: number,
): void {
  const issue = sizeIssue(outputSize(source, variant), format, maxPixels, frames) ?? cropIssue(source, variant);
  if (issue !== undefined) throw imageError.permanent("image_too_large", issue);
}

/**
 * `cover` scales until both sides are filled, and crops afterwards: for a thin strip, the scaled image may exceed the
 * sizes that libvips can address.
 */
function cropIssue(source: Size, variant: Variant): string | undefined {
  const scaled = scaledSize(source, variant);
  if (Math.max(scaled.width, scaled.height) <= MAX_SCALED_SIDE) return undefined;
  return `to cover ${variant.width} × ${variant.height}, the image would be scaled to ${scaled.width} × ${scaled.height}`;
}

/** The size of a variant's output. @param source as displayed, after its orientation is applied */
export function outputSize(source: Size, box: Box): Size {
  const { width, height, fit = "cover" } = box;
  const scaled = scaledSize(source, box);
  if (width === undefined || height === undefined) return scaled;
  if (fit === "contain") return { width, height };
  return fit === "cover" ? { width: Math.min(width, scaled.width), height: Math.min(height, scaled.height) } : scaled;
}

/** The size to which a variant scales the whole source, before `cover` crops it or `contain` puts it into its box. */
export function scaledSize(
  source: Size,
  { width, height, fit = "cover", without_enlargement: keepsSmall = false }: Box,
): Size {
  const [across, down] = [(width ?? Infinity) / source.width, (height ?? Infinity) / source.height];
  const most = keepsSmall ? 1 : Infinity;
  if (fit === "fill" && width !== undefined && height !== undefined)
    return sizeOf(source, Math.min(across, most), Math.min(down, most));
  const fills = (fit === "cover" || fit === "outside") && width !== undefined && height !== undefined;
  const wanted = fills ? Math.max(across, down) : Math.min(across, down);
  const scale = Math.min(wanted === Infinity ? 1 : wanted, most);
  return sizeOf(source, scale, scale);
}

function sizeOf({ width, height }: Size, across: number, down: number): Size {
  return { width: Math.max(1, Math.round(width * across)), height: Math.max(1, Math.round(height * down)) };
}
