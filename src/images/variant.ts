import { Type } from "typebox";
import { PermanentError, type PayloadFault } from "../core/job-type.ts";

const OUTPUT_FORMATS = ["jpeg", "png", "webp", "avif"] as const;
const FITS = ["cover", "contain", "inside", "outside", "fill"] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
export type Fit = (typeof FITS)[number];

/** The longest side of an output; AVIF's encoder takes no more. WebP stops one short of it. */
const MAX_SIDE = 16_384;
const MAX_WEBP_SIDE = 16_383;
/** Before `cover` crops; the coordinates of libvips end at ten times that. */
const MAX_SCALED_SIDE = 1_000_000;
/** Of an input and of each output: room for a camera of 48 megapixels, 200 MB when decoded with alpha. */
export const MAX_PIXELS = 50_000_000;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What one output is to be. */
export interface Variant {
  readonly width?: number;
  readonly height?: number;
  readonly fit?: Fit;
  readonly format?: OutputFormat;
  readonly quality?: number;
}

/** The fields of a {@link Variant} for a payload's schema. */
export const variantFields = {
  width: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_SIDE, description: "In pixels. Without it, it follows from `height`." })),
  height: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_SIDE, description: "In pixels. Without it, it follows from `width`." })),
  fit: Type.Optional(
    Type.Enum([...FITS], { description: "How the image meets `width` and `height` when both are given (default cover). Smaller images are enlarged." }),
  ),
  format: Type.Optional(Type.Enum([...OUTPUT_FORMATS], { description: "Default: that of the source (png for a GIF)." })),
  quality: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: "Default 80 (avif: 50). With png it reduces the colours to a palette." }),
  ),
};

/** What a schema cannot say about a variant; `path` is where it stands in the payload (empty for its top). */
export function variantFaults(variant: Variant, path: string): PayloadFault[] {
  const { width, height, format } = variant;
  if (width === undefined && height === undefined && format === undefined) {
    return [{ path: `${path}/width`, message: "give at least one of width, height and format" }];
  }
  // `inside` makes less of a box, `outside` more: what comes of a source is judged again when its size is known
  const fault = variant.fit === "inside" ? undefined : sizeFault({ width: width ?? 1, height: height ?? 1 }, format);
  return fault === undefined ? [] : [{ path: `${path}/width`, message: fault }];
}

function sizeFault({ width, height }: Size, format: OutputFormat | undefined): string | undefined {
  const maxSide = format === "webp" ? MAX_WEBP_SIDE : MAX_SIDE;
  if (Math.max(width, height) > maxSide) return `an output of ${width} × ${height} is longer than ${maxSide} pixels`;
  if (width * height > MAX_PIXELS) return `an output of ${width} × ${height} has more than ${MAX_PIXELS} pixels`;
  return undefined;
}

/**
 * Refuses a variant whose output would be too large, before anything is decoded: with one side given, or `outside`,
 * the other follows from the source and knows no bound of its own.
 * @throws {PermanentError} `image_too_large`
 */
export function assertOutputSize(source: Size, variant: Variant, format: OutputFormat): void {
  const fault = sizeFault(outputSize(source, variant), format) ?? cropFault(source, variant);
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
  const scales = [];
  if (width !== undefined) scales.push(width / source.width);
  if (height !== undefined) scales.push(height / source.height);
  const scale = scales.length === 0 ? 1 : fit === "outside" ? Math.max(...scales) : Math.min(...scales);
  return { width: Math.max(1, Math.round(source.width * scale)), height: Math.max(1, Math.round(source.height * scale)) };
}
