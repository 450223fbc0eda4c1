/** Creates photos to measure image_resize. */
import sharp from "sharp";

/** Creates a JPEG of smooth areas with camera noise. */
export async function makePhoto(width: number, height: number): Promise<Buffer> {
  const noise = await sharp({
    create: { width, height, channels: 3, background: "black", noise: { type: "gaussian", mean: 128, sigma: 8 } },
  })
    .png({ compressionLevel: 0 })
    .toBuffer();
  const stops = ["#135", "#e94", "#273", "#fff"]
    .map((colour, n) => `<stop offset="${n / 3}" stop-color="${colour}"/>`)
    .join("");
  const scene = `<svg width="${width}" height="${height}"><defs><linearGradient id="g" x2="1" y2="1">${stops}</linearGradient></defs><rect width="100%" height="100%" fill="url(#g)"/></svg>`;
  return sharp(Buffer.from(scene))
    .composite([{ input: noise, blend: "soft-light" }])
    .flatten()
    .jpeg({ quality: 90 })
    .toBuffer();
}

/**
 * Inserts a comment after the start of a JPEG (ITU T.81, B.2.4.5). The bytes must differ, because TaskFlow would render
 * identical files only once.
 */
export function withComment(jpeg: Buffer, comment: string): Buffer {
  const segment = Buffer.from(`\xff\xfe\0\0${comment}`, "latin1");
  segment.writeUInt16BE(comment.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}
