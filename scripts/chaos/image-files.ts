/** Files that claim to be images. */
import { crc32, deflateSync } from "node:zlib";

const MAGIC = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG of one shade of grey, of any size: 50,000 × 50,000 pixels are a few hundred KB when `rows` is small. */
export function png(width: number, height: number, rows = height): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8); // 8 bits of grey
  const pixels = deflateSync(Buffer.alloc((width + 1) * rows, 0));
  return Buffer.concat([MAGIC, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

/** A GIF of one pixel with this many frames. */
export function gif(frames: number): Buffer {
  const header = Buffer.from("474946383961" + "01000100800000" + "000000ffffff", "hex");
  const frame = Buffer.from("21f90400010000002c000000000100010000" + "02024401" + "00", "hex");
  return Buffer.concat([header, ...Array.from({ length: frames }, () => frame), Buffer.from("3b", "hex")]);
}

export const SVG = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&x;</text></svg>`;
