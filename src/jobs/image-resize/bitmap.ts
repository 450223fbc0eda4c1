/**
 * Decoded pixels: sRGB, 8 bits a channel, upright. All drawing starts from bitmaps, so it does not depend on any
 * property of the file.
 */
import sharp, { type Sharp } from "sharp";
import { decoding, OPERATION_TIMEOUT_SECONDS } from "./decoding.ts";

export interface Bitmap {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  /** 3 without transparency, 4 with it. */
  readonly channels: 3 | 4;
}

/** A pipeline that starts from the pixels of a bitmap. */
export function openBitmap({ data, width, height, channels }: Bitmap): Sharp {
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: false }).timeout({
    seconds: OPERATION_TIMEOUT_SECONDS,
  });
}

/**
 * Runs a pipeline to its pixels. libvips applies a colour profile, expands grey and palettes, and rounds 16 bits to 8.
 */
export async function toBitmap(pipeline: Sharp): Promise<Bitmap> {
  const { data, info } = await pipeline
    .timeout({ seconds: OPERATION_TIMEOUT_SECONDS })
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3 && info.channels !== 4) throw new Error(`${info.channels} channels instead of 3 or 4`);
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** Runs a pipeline that draws on pixels that are already decoded. @throws as {@link decoding} */
export function drawn(pipeline: Sharp): Promise<Bitmap> {
  return decoding(toBitmap(pipeline));
}
