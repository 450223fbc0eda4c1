/**
 * Rewrites EXIF as kept metadata, with only the entries that are still correct for the output. It omits the thumbnail,
 * which shows the uncropped picture; maker notes, which are proprietary and contain offsets that would become wrong;
 * and entries about the source's pixels. EXIF is a TIFF file without a picture: a header and directories of entries.
 */
import type { Size } from "./output-size.ts";

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  /** In the byte order of the block. */
  readonly value: Buffer;
}

/** The directories of an EXIF block or a TIFF file. */
export interface TiffBlock {
  readonly bytes: Buffer;
  readonly isLittleEndian: boolean;
  readonly firstDirectory: number;
}

const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];
const [SHORT, LONG] = [3, 4];
/** Real files have about 60 entries; a block of 64 KB has room for 5,000. */
const MAX_ENTRIES = 5_000;

const TAG = {
  orientation: 0x0112,
  exif: 0x8769,
  gps: 0x8825,
  colorSpace: 0xa001,
  width: 0xa002,
  height: 0xa003,
} as const;
const SRGB = 1;

/**
 * Tags of the first directory that describe the source's pixels (sizes, strips, tiles, sample formats), contain other
 * copies of the picture, or repeat other EXIF fields.
 */
const STALE_FIRST = new Set([
  ...[
    0x00fe, 0x00ff, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117, 0x011c, 0x012d, 0x013d,
    0x013e, 0x013f, 0x0140,
  ],
  ...[0x0142, 0x0143, 0x0144, 0x0145, 0x014a, 0x0152, 0x0153, 0x015b, 0x0201, 0x0202, 0x0211, 0x0212, 0x0213, 0x0214],
  ...[0x02bc, 0x83bb, 0x8649, 0x8773], // XMP, IPTC, Photoshop's block, the colour profile
]);
/** Tags from here on are print settings, padding, and data about the sensor of raw files. */
const FIRST_PRIVATE_TAG = 0xc000;
/**
 * Tags of the EXIF directory: compression, maker note, interoperability (the colour space), and points and lengths in
 * pixels of the source.
 */
const STALE_EXIF = new Set([
  0x9102, 0x927c, 0x9214, 0xa005, 0xa20c, 0xa20e, 0xa20f, 0xa210, 0xa214, 0xa302, 0xa500, 0xea1c,
]);

/** Opens a block; undefined if the bytes are not an EXIF block. */
export function openTiff(bytes: Buffer): TiffBlock | undefined {
  const order = bytes.toString("latin1", 0, 4);
  if (bytes.length < 8 || (order !== "II*\0" && order !== "MM\0*")) return undefined;
  const isLittleEndian = order.startsWith("I");
  return { bytes, isLittleEndian, firstDirectory: isLittleEndian ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4) };
}

/** The entries of the directory at an offset. Entries that point outside the block are omitted. */
export function entriesAt({ bytes, isLittleEndian }: TiffBlock, at: number): Entry[] {
  const short = (offset: number): number => (isLittleEndian ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset));
  const long = (offset: number): number => (isLittleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  const entries: Entry[] = [];
  const count = at + 2 <= bytes.length ? Math.min(short(at), MAX_ENTRIES) : 0;
  for (let offset = at + 2; offset + 12 <= Math.min(bytes.length, at + 2 + 12 * count); offset += 12) {
    const type = short(offset + 2);
    const length = (TYPE_BYTES[type] ?? 0) * long(offset + 4);
    const start = length > 4 ? long(offset + 8) : offset + 8;
    if (length === 0 || start + length > bytes.length) continue;
    entries.push({ tag: short(offset), type, count: long(offset + 4), value: bytes.subarray(start, start + length) });
  }
  return entries;
}

/** The first number of an entry. */
export function numberOf({ isLittleEndian }: TiffBlock, { type, value }: Entry): number | undefined {
  if (type === SHORT) return isLittleEndian ? value.readUInt16LE() : value.readUInt16BE();
  return type === LONG ? (isLittleEndian ? value.readUInt32LE() : value.readUInt32BE()) : undefined;
}

/**
 * The part of an EXIF block that is correct for an output of this size; undefined if nothing is, or if the block cannot
 * be read.
 * @param exif with or without the leading `Exif\0\0`
 */
export function keptExif(
  exif: Buffer,
  { size, keepsLocation }: { readonly size: Size; readonly keepsLocation: boolean },
): Buffer | undefined {
  const block = openTiff(exif.toString("latin1", 0, 4) === "Exif" ? exif.subarray(6) : exif);
  if (block === undefined) return undefined;
  const first = entriesAt(block, block.firstDirectory);
  const below = (tag: number): Entry[] => {
    const pointer = first.find((entry) => entry.tag === tag);
    const at = pointer && numberOf(block, pointer);
    return at === undefined ? [] : entriesAt(block, at);
  };
  const top = first.filter(
    ({ tag }) => !STALE_FIRST.has(tag) && tag < FIRST_PRIVATE_TAG && tag !== TAG.exif && tag !== TAG.gps,
  );
  const truths: Readonly<Record<number, number>> = {
    [TAG.orientation]: 1,
    [TAG.colorSpace]: SRGB,
    [TAG.width]: size.width,
    [TAG.height]: size.height,
  };
  const writer = new DirectoryWriter(block);
  const corrected = (entries: readonly Entry[]): Entry[] =>
    entries.map((entry) => (truths[entry.tag] === undefined ? entry : writer.long(entry.tag, truths[entry.tag] ?? 0)));
  return writer.write(
    corrected(top),
    corrected(below(TAG.exif).filter(({ tag }) => !STALE_EXIF.has(tag))),
    keepsLocation ? below(TAG.gps) : [],
  );
}

/** Writes a header and up to three directories. */
class DirectoryWriter {
  readonly #isLittleEndian: boolean;

  constructor({ isLittleEndian }: Pick<TiffBlock, "isLittleEndian">) {
    this.#isLittleEndian = isLittleEndian;
  }

  long(tag: number, value: number): Entry {
    // EXIF requires 16 bits for the orientation and the colour space.
    return tag === TAG.width || tag === TAG.height || value > 0xffff
      ? { tag, type: LONG, count: 1, value: this.#number(value, 4) }
      : { tag, type: SHORT, count: 1, value: this.#number(value, 2) };
  }

  write(top: readonly Entry[], exif: readonly Entry[], gps: readonly Entry[]): Buffer | undefined {
    if (top.length + exif.length + gps.length === 0) return undefined;
    const pointers = [exif.length > 0 ? TAG.exif : 0, gps.length > 0 ? TAG.gps : 0].filter((tag) => tag !== 0);
    const start = 8;
    const topBytes = directoryBytes(top) + 12 * pointers.length;
    const exifAt = start + topBytes;
    const gpsAt = exifAt + (exif.length > 0 ? directoryBytes(exif) : 0);
    const pointing = pointers.map(
      (tag): Entry => ({ tag, type: LONG, count: 1, value: this.#number(tag === TAG.exif ? exifAt : gpsAt, 4) }),
    );
    const header = Buffer.concat([
      Buffer.from(this.#isLittleEndian ? "II" : "MM"),
      this.#number(42, 2),
      this.#number(start, 4),
    ]);
    const parts = [header, this.#directory([...top, ...pointing], start)];
    if (exif.length > 0) parts.push(this.#directory(exif, exifAt));
    if (gps.length > 0) parts.push(this.#directory(gps, gpsAt));
    return Buffer.concat(parts);
  }

  /** The entries, the end marker, and then the values that do not fit into an entry. */
  #directory(entries: readonly Entry[], start: number): Buffer {
    const sorted = [...entries].sort((a, b) => a.tag - b.tag);
    const heads: Buffer[] = [this.#number(sorted.length, 2)];
    const values: Buffer[] = [];
    let at = start + 2 + 12 * sorted.length + 4;
    for (const { tag, type, count, value } of sorted) {
      heads.push(this.#number(tag, 2), this.#number(type, 2), this.#number(count, 4));
      if (value.length <= 4) {
        heads.push(padded(value, 4));
        continue;
      }
      heads.push(this.#number(at, 4));
      values.push(padded(value, value.length + (value.length % 2)));
      at += value.length + (value.length % 2);
    }
    return Buffer.concat([...heads, Buffer.alloc(4), ...values]);
  }

  #number(value: number, bytes: 2 | 4): Buffer {
    const buffer = Buffer.alloc(bytes);
    if (this.#isLittleEndian) buffer.writeUIntLE(value, 0, bytes);
    else buffer.writeUIntBE(value, 0, bytes);
    return buffer;
  }
}

function directoryBytes(entries: readonly Entry[]): number {
  return (
    2 +
    12 * entries.length +
    4 +
    entries.reduce((sum, { value: { length } }) => sum + (length <= 4 ? 0 : length + (length % 2)), 0)
  );
}

function padded(value: Buffer, length: number): Buffer {
  return Buffer.concat([value, Buffer.alloc(length - value.length)]);
}
