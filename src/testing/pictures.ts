/**
 * Decodes pictures with libraries other than the one that renders them: pngjs, jpeg-js, omggif and, for all other
 * formats, libvips.
 */

import { decode as decodeJpeg } from "jpeg-js";
import { GifReader } from "omggif";
import { PNG } from "pngjs";
import sharp from "sharp";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly pixels: Uint8Array;
}

/** Decodes a still picture. */
export async function decodePicture(bytes: Buffer): Promise<Picture> {
  if (bytes.toString("latin1", 1, 4) === "PNG") {
    const { width, height, data } = PNG.sync.read(bytes);
    return { width, height, pixels: data };
  }
  if (bytes.readUInt16BE(0) === 0xffd8) {
    const { width, height, data } = decodeJpeg(bytes);
    return { width, height, pixels: data };
  }
  if (bytes.toString("latin1", 0, 3) === "GIF") return firstOf(decodeGif(bytes));
  const { data, info } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

/** Decodes the frames of a GIF, each as a viewer shows it. */
export function decodeGif(bytes: Buffer): Picture[] {
  const reader = new GifReader(bytes);
  const canvas = new Uint8Array(reader.width * reader.height * 4);
  return Array.from({ length: reader.numFrames() }, (_, i) => {
    reader.decodeAndBlitFrameRGBA(i, canvas);
    const picture = { width: reader.width, height: reader.height, pixels: canvas.slice() };
    if (reader.frameInfo(i).disposal === 2) canvas.fill(0); // the frames of these tests fill the canvas
    return picture;
  });
}

/** The RGBA of one pixel. */
export function pixelAt({ width, pixels }: Picture, x: number, y: number): number[] {
  return [...pixels.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];
}

/**
 * The greatest difference between two pixels in one channel. Two transparent pixels are equal for any colour.
 */
export function differenceOf(one: readonly number[], other: readonly number[]): number {
  if (one[3] === 0 && other[3] === 0) return 0;
  return Math.max(...one.map((value, i) => Math.abs(value - (other[i] ?? 0))));
}

function firstOf([first]: readonly Picture[]): Picture {
  if (first === undefined) throw new Error("a GIF without a frame");
  return first;
}
