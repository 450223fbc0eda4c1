/**
 * Adds kept metadata to a finished picture. sharp copies EXIF and XMP only from its input, so a still picture is passed
 * through a PNG that contains them; an animated WebP gets them after it is encoded. GIF cannot contain either.
 */
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { decoding, OPERATION_TIMEOUT_SECONDS } from "./decoding.ts";
import { keptExif } from "./exif.ts";
import type { Image } from "./image.ts";
import type { Size } from "./output-size.ts";
import type { OutputFormat, Variant } from "./variant.ts";
import { keptXmp } from "./xmp.ts";

/** The capacity of a JPEG segment, minus its label. */
const MAX_BLOCK_BYTES = 65_000;

/** The default of EXIF and JFIF for files without a density. */
const DEFAULT_DENSITY = 72;

export interface Metadata {
  readonly exif: Buffer | undefined;
  readonly xmp: Buffer | undefined;
}

/** The metadata that an output keeps of its source; undefined for none. */
export function keptMetadata(
  { exif, xmp }: Image,
  { metadata = "drop" }: Variant,
  format: OutputFormat,
  size: Size,
): Metadata | undefined {
  if (metadata === "drop" || format === "gif") return undefined;
  const keepsLocation = metadata === "keep";
  const packet =
    xmp && xmp.length <= MAX_BLOCK_BYTES
      ? keptXmp(xmp.toString(), { size, mediaType: `image/${format}`, keepsLocation })
      : undefined;
  const kept = {
    exif: fitting(exif && keptExif(exif, { size, keepsLocation })),
    xmp: fitting(packet === undefined ? undefined : Buffer.from(packet)),
  };
  return kept.exif === undefined && kept.xmp === undefined ? undefined : kept;
}

function fitting(block: Buffer | undefined): Buffer | undefined {
  return block && block.length <= MAX_BLOCK_BYTES ? block : undefined;
}

/** A pipeline whose input is this still picture with this metadata. */
export async function carrying(picture: Sharp, { exif, xmp }: Metadata, density = DEFAULT_DENSITY): Promise<Sharp> {
  const png = await decoding(picture.png({ compressionLevel: 0 }).toBuffer());
  const headerEnd = 33; // the signature and the chunk IHDR, which comes first
  const chunks = [];
  if (exif) chunks.push(pngChunk("eXIf", exif));
  if (xmp) chunks.push(pngChunk("iTXt", Buffer.concat([Buffer.from("XML:com.adobe.xmp\0\0\0\0\0", "latin1"), xmp])));
  const carrier = Buffer.concat([png.subarray(0, headerEnd), ...chunks, png.subarray(headerEnd)]);
  const carried = sharp(carrier, { limitInputPixels: false }).timeout({ seconds: OPERATION_TIMEOUT_SECONDS });
  if (xmp) carried.keepXmp();
  return exif ? carried.keepExif().withDensity(density) : carried; // libvips always writes a density into EXIF
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/**
 * Adds metadata to an animated WebP: flags in its header, and chunks after the frames
 * (https://developers.google.com/speed/webp/docs/riff_container).
 */
export function withWebpMetadata(webp: Buffer, { exif, xmp }: Metadata): Buffer {
  const chunks = [webp];
  if (exif) chunks.push(riffChunk("EXIF", exif));
  if (xmp) chunks.push(riffChunk("XMP ", xmp));
  const whole = Buffer.concat(chunks);
  whole.writeUInt32LE(whole.length - 8, 4);
  const flagsAt = 20; // "RIFF", length, "WEBP", "VP8X", length
  whole.writeUInt8(whole.readUInt8(flagsAt) | (exif ? 0x08 : 0) | (xmp ? 0x04 : 0), flagsAt);
  return whole;
}

function riffChunk(name: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([Buffer.from(name, "latin1"), length, data, Buffer.alloc(data.length % 2)]);
}
