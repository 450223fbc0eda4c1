/**
 * Draws a variant from the scaled source: crops it or fits it into its box, adds the background, blurs and sharpens.
 */
import type { Color, OverlayOptions, Sharp } from "sharp";
import { drawn, openBitmap } from "./bitmap.ts";
import { outputSize, type Size, scaledSize } from "./output-size.ts";
import type { OutputFormat, Variant } from "./variant.ts";

const CLEAR: Color = { r: 255, g: 255, b: 255, alpha: 0 };

/**
 * A pipeline that ends with the variant's picture.
 * @param whole the whole source, scaled to the variant's `scaledSize`
 * @param size of the source
 * @throws as `decoding`
 */
export async function draw(whole: Sharp, size: Size, variant: Variant, format: OutputFormat): Promise<Sharp> {
  const { blur, sharpen } = variant;
  const below = backgroundOf(variant, format);
  const opaque = below?.alpha === 1 ? below : undefined;
  let picture = await fitted(whole, size, variant, opaque ?? CLEAR);
  if (opaque !== undefined) picture.flatten({ background: opaque });
  // In a single pipeline, libvips would blur the colour of the transparent margins into the picture.
  if (blur !== undefined || sharpen !== undefined) picture = openBitmap(await drawn(picture));
  if (blur !== undefined) picture.blur(blur);
  if (sharpen !== undefined) picture.sharpen({ sigma: sharpen });
  if (below !== undefined && opaque === undefined) picture.composite([sheet(below)]);
  return picture;
}

async function fitted(whole: Sharp, size: Size, variant: Variant, background: Color): Promise<Sharp> {
  const { width, height, fit = "cover", crop, focus } = variant;
  if (width === undefined || height === undefined || (fit !== "contain" && fit !== "cover")) return whole;
  const [scaled, output] = [scaledSize(size, variant), outputSize(size, variant)];
  if (fit === "contain") return boxed(whole, scaled, output, background);
  if (scaled.width === output.width && scaled.height === output.height) return whole;
  // The pixels are computed first because a pipeline scales only once, and sharp must crop the image that is already
  // scaled.
  if (crop !== undefined && crop !== "center")
    return openBitmap(await drawn(whole)).resize({ ...output, fit: "cover", position: crop });
  return cropped(whole, scaled, output, focus ?? { x: 0.5, y: 0.5 });
}

/** Centres the picture in its box. If the margins differ by one pixel, the larger one is on the right or below. */
function boxed(picture: Sharp, inner: Size, box: Size, background: Color): Sharp {
  const [left, top] = [Math.floor((box.width - inner.width) / 2), Math.floor((box.height - inner.height) / 2)];
  return picture.extend({
    left,
    top,
    right: box.width - inner.width - left,
    bottom: box.height - inner.height - top,
    background,
  });
}

/** The part of the picture whose centre is nearest to the focal point. */
function cropped(
  picture: Sharp,
  scaled: Size,
  output: Size,
  { x, y }: { readonly x: number; readonly y: number },
): Sharp {
  const startOf = (point: number, whole: number, part: number): number =>
    Math.min(Math.max(Math.round(point * whole - part / 2), 0), whole - part);
  return picture.extract({
    left: startOf(x, scaled.width, output.width),
    top: startOf(y, scaled.height, output.height),
    ...output,
  });
}

/** The background; undefined for none. JPEG has no transparency, so its default background is white. */
function backgroundOf(
  { background }: Variant,
  format: OutputFormat,
): { r: number; g: number; b: number; alpha: number } | undefined {
  if (background === undefined) return format === "jpeg" ? { r: 255, g: 255, b: 255, alpha: 1 } : undefined;
  const [r = 0, g = 0, b = 0, alpha = 255] =
    background
      .slice(1)
      .match(/../g)
      ?.map((digits) => Number.parseInt(digits, 16)) ?? [];
  return { r, g, b, alpha: format === "jpeg" ? 1 : alpha / 255 };
}

/** One pixel of a colour, tiled below the whole picture. */
function sheet({
  r,
  g,
  b,
  alpha,
}: {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  readonly alpha: number;
}): OverlayOptions {
  return {
    input: Buffer.from([r, g, b, Math.round(alpha * 255)]),
    raw: { width: 1, height: 1, channels: 4 },
    tile: true,
    blend: "dest-over",
  };
}
