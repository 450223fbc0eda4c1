/**
 * Draws the frames of an animation one by one, each like a still picture, so that a blur, a crop or a rotation never
 * affects neighbouring frames. All frames are decoded at once, because a frame may build on the previous one.
 */
import sharp, { type Sharp } from "sharp";
import { type Bitmap, drawn, openBitmap, toBitmap } from "./bitmap.ts";
import { OPERATION_TIMEOUT_SECONDS, type Reading, reading } from "./decoding.ts";
import type { Image } from "./image.ts";

/** EXIF's orientations 2 to 8 as sharp operations: first the rotation, then the mirrors. */
const TURNS: Readonly<Record<number, (frame: Sharp) => Sharp>> = {
  2: (frame) => frame.flop(),
  3: (frame) => frame.rotate(180),
  4: (frame) => frame.flip(),
  5: (frame) => frame.rotate(90).flop(),
  6: (frame) => frame.rotate(90),
  7: (frame) => frame.rotate(270).flop(),
  8: (frame) => frame.rotate(270),
};

/** Decodes all frames, upright. */
export async function decodeFrames({
  bytes,
  frames,
  orientation,
  maxPixels,
  onError,
}: Image): Promise<Reading<Bitmap[]>> {
  // A truncated file may have fewer frames than its header declares.
  const { value: strip, isTruncated } = await reading(onError, (strictness) =>
    toBitmap(sharp(bytes, { ...strictness, limitInputPixels: maxPixels, pages: -1 })),
  );
  const height = strip.height / frames;
  const frameBytes = strip.width * height * strip.channels;
  const bitmaps = Array.from(
    { length: frames },
    (_, i): Bitmap => ({ ...strip, height, data: strip.data.subarray(i * frameBytes, (i + 1) * frameBytes) }),
  );
  const turn = TURNS[orientation];
  if (turn === undefined) return { value: bitmaps, isTruncated };
  const upright = [];
  for (const bitmap of bitmaps) upright.push(await drawn(turn(openBitmap(bitmap))));
  return { value: upright, isTruncated };
}

/** A pipeline whose input is all of these frames, which must have the same size. */
export function openAnimation(frames: readonly [Bitmap, ...Bitmap[]]): Sharp {
  const [{ width, height, channels }] = frames;
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  return sharp(Buffer.concat(frames.map(({ data }) => data)), { raw, pages: -1, limitInputPixels: false }).timeout({
    seconds: OPERATION_TIMEOUT_SECONDS,
  });
}
