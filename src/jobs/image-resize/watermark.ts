import type { OverlayOptions } from "sharp";
import { drawn } from "./bitmap.ts";
import type { Image } from "./image.ts";
import type { Size } from "./output-size.ts";
import { pixelSource } from "./pixels.ts";
import type { Watermark } from "./variant.ts";

const DEFAULT_SCALE = 0.25;

/**
 * An image as a layer for an output of `size`: scaled to its share of the width (at most the output's height), with the
 * requested opacity.
 */
export async function watermarkLayer(
  image: Image,
  { position = "southeast", opacity = 1, scale = DEFAULT_SCALE }: Watermark,
  size: Size,
): Promise<OverlayOptions> {
  const box = { width: Math.max(1, Math.round(size.width * scale)), height: size.height, fit: "inside" } as const;
  const { value: mark } = await pixelSource(image, [box])(box);
  const scaled = mark.ensureAlpha();
  // one pixel with that opacity, tiled: it multiplies the layer's alpha
  const veil = {
    input: Buffer.from([0, 0, 0, Math.round(opacity * 255)]),
    raw: { width: 1, height: 1, channels: 4 as const },
    tile: true,
    blend: "dest-in" as const,
  };
  const { data, ...raw } = await drawn(opacity < 1 ? scaled.composite([veil]) : scaled);
  return { input: data, raw, gravity: position };
}
