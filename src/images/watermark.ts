import sharp, { type OverlayOptions } from "sharp";
import { decoding, OPERATION_TIMEOUT_SECONDS, READ } from "./decoding.ts";
import type { Image } from "./image.ts";
import type { Size } from "./output-size.ts";
import type { Watermark } from "./variant.ts";

const DEFAULT_SCALE = 0.25;

/** An image as a layer on an output of `size`: scaled to its share of the width (and never higher than the output), as opaque as asked. */
export async function watermarkLayer(image: Image, { position = "southeast", opacity = 1, scale = DEFAULT_SCALE }: Watermark, size: Size): Promise<OverlayOptions> {
  const width = Math.max(1, Math.round(size.width * scale));
  const scaled = sharp(image.bytes, READ).timeout({ seconds: OPERATION_TIMEOUT_SECONDS }).resize({ width, height: size.height, fit: "inside" }).ensureAlpha();
  // one pixel of that opacity, tiled: what is kept of the layer where the pixel is
  const veil = { input: Buffer.from([0, 0, 0, Math.round(opacity * 255)]), raw: { width: 1, height: 1, channels: 4 as const }, tile: true, blend: "dest-in" as const };
  const input = await decoding((opacity < 1 ? scaled.composite([veil]) : scaled).png({ compressionLevel: 0 }).toBuffer());
  return { input, gravity: position };
}
