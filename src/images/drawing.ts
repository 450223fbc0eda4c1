/** Draws a variant from pixels: scaled, cropped or put into its box, on its background, blurred and sharpened. */
import type { Color, OverlayOptions, Sharp } from "sharp";
import { drawn, openBitmap, type Bitmap } from "./bitmap.ts";
import { outputSize, scaledSize, type Size } from "./output-size.ts";
import type { OutputFormat, Variant } from "./variant.ts";

const CLEAR: Color = { r: 255, g: 255, b: 255, alpha: 0 };

/**
 * A pipeline that ends with the variant's picture.
 * @param size that of the source, of which `bitmap` may be a shrunken copy: all sizes follow from it
 * @throws as `decoding`
 */
export async function draw(bitmap: Bitmap, size: Size, variant: Variant, format: OutputFormat): Promise<Sharp> {
  const { blur, sharpen } = variant;
  const below = backgroundOf(variant, format);
  const opaque = below?.alpha === 1 ? below : undefined;
  let picture = fitted(openBitmap(bitmap), size, variant, opaque ?? CLEAR);
  if (opaque !== undefined) picture.flatten({ background: opaque });
  // In one pipeline, libvips would mix the colour of the transparent margins into what it blurs.
  if (blur !== undefined || sharpen !== undefined) picture = openBitmap(await drawn(picture));
  if (blur !== undefined) picture.blur(blur);
  if (sharpen !== undefined) picture.sharpen({ sigma: sharpen });
  if (below !== undefined && opaque === undefined) picture.composite([sheet(below)]);
  return picture;
}

function fitted(picture: Sharp, size: Size, variant: Variant, background: Color): Sharp {
  const { width, height, fit = "cover", crop, focus } = variant;
  const scaled = scaledSize(size, variant);
  const output = outputSize(size, variant);
  if (width === undefined || height === undefined || fit === "inside" || fit === "outside" || fit === "fill") return exactly(picture, size, scaled);
  if (fit === "contain") return boxed(exactly(picture, size, scaled), scaled, output, background);
  if (crop !== undefined && crop !== "center") return picture.resize({ ...output, fit: "cover", position: crop });
  return cropped(exactly(picture, size, scaled), scaled, output, focus ?? { x: 0.5, y: 0.5 });
}

/** Nothing is computed anew where a variant keeps the size. */
function exactly(picture: Sharp, size: Size, scaled: Size): Sharp {
  return scaled.width === size.width && scaled.height === size.height ? picture : picture.resize({ ...scaled, fit: "fill" });
}

/** In the middle of its box. Where the margins differ by one pixel, the greater one is on the right and below. */
function boxed(picture: Sharp, inner: Size, box: Size, background: Color): Sharp {
  const [left, top] = [Math.floor((box.width - inner.width) / 2), Math.floor((box.height - inner.height) / 2)];
  return picture.extend({ left, top, right: box.width - inner.width - left, bottom: box.height - inner.height - top, background });
}

/** The box whose middle is nearest to the point. */
function cropped(picture: Sharp, scaled: Size, output: Size, { x, y }: { readonly x: number; readonly y: number }): Sharp {
  const startOf = (point: number, whole: number, part: number): number => Math.min(Math.max(Math.round(point * whole - part / 2), 0), whole - part);
  return picture.extract({ left: startOf(x, scaled.width, output.width), top: startOf(y, scaled.height, output.height), ...output });
}

/** What lies below the picture: undefined for nothing. JPEG knows no transparency, so white lies below unless the caller says otherwise. */
function backgroundOf({ background }: Variant, format: OutputFormat): { r: number; g: number; b: number; alpha: number } | undefined {
  if (background === undefined) return format === "jpeg" ? { r: 255, g: 255, b: 255, alpha: 1 } : undefined;
  const [r = 0, g = 0, b = 0, alpha = 255] = background.slice(1).match(/../g)?.map((digits) => Number.parseInt(digits, 16)) ?? [];
  return { r, g, b, alpha: format === "jpeg" ? 1 : alpha / 255 };
}

/** One pixel of a colour, repeated below the whole picture. */
function sheet({ r, g, b, alpha }: { readonly r: number; readonly g: number; readonly b: number; readonly alpha: number }): OverlayOptions {
  return { input: Buffer.from([r, g, b, Math.round(alpha * 255)]), raw: { width: 1, height: 1, channels: 4 }, tile: true, blend: "dest-over" };
}
