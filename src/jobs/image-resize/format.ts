import { entriesAt, numberOf, openTiff } from "./exif.ts";

/** The formats that can be read. A format is recognised by the file's first bytes, never by its name or a header. */
export type SourceFormat = "jpeg" | "png" | "webp" | "avif" | "heic" | "gif" | "tiff";

const AVIF_BRANDS = new Set(["avif", "avis"]);
const HEIC_BRANDS = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]);

/** The format of an image by its magic bytes, or undefined for anything else (SVG, PDF, BMP, text and so on). */
export function sniffFormat(bytes: Buffer): SourceFormat | undefined {
  const start = bytes.toString("latin1", 0, 12);
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return "webp";
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "gif";
  if (start.startsWith("II*\0") || start.startsWith("MM\0*")) return "tiff";
  const brands = brandsOf(bytes);
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return "avif"; // AVIF names `mif1`, which HEIC does as well
  return brands.some((brand) => HEIC_BRANDS.has(brand)) ? "heic" : undefined;
}

/**
 * The first bytes of unsupported files that callers mistake for supported images, or that other programs read as
 * images.
 */
const OTHER_FORMATS: readonly [name: string, start: string][] = [
  ["BMP", "BM"],
  ["PDF", "%PDF"],
  ["PostScript", "%!PS"],
  ["Photoshop (PSD)", "8BPS"],
  ["an icon (ICO)", "\0\0\x01\0"],
  ["JPEG XL", "\xff\x0a"],
  ["JPEG XL", "\0\0\0\x0cJXL "],
  ["JPEG 2000", "\0\0\0\x0cjP  "],
  ["JPEG 2000", "\xff\x4f\xff\x51"],
  ["BigTIFF", "II+\0"],
  ["BigTIFF", "MM\0+"],
];

/** The name of an unsupported format, if the first bytes show it. */
export function otherFormat(bytes: Buffer): string | undefined {
  const start = bytes.toString("latin1", 0, 12);
  if (start.slice(4, 8) === "ftyp") return "a video (MP4, MOV)";
  return OTHER_FORMATS.find(([, magic]) => start.startsWith(magic))?.[0];
}

export function isSvg(bytes: Buffer): boolean {
  return /<svg[\s>]/i.test(bytes.toString("latin1", 0, 4_096));
}

const TAG = { subfileType: 0x00fe, tileWidth: 0x0142, tileHeight: 0x0143, dngVersion: 0xc612 } as const;

/**
 * Why a TIFF cannot be read, or undefined. Cameras' raw files are TIFFs whose first picture is at best a small preview;
 * and libtiff allocates memory for a whole tile, however small the picture is.
 */
export function tiffIssue(bytes: Buffer, maxPixels: number): string | undefined {
  const tiff = openTiff(bytes);
  const entries = tiff ? entriesAt(tiff, tiff.firstDirectory) : [];
  const valueOf = (tag: number): number | undefined => {
    const entry = entries.find((each) => each.tag === tag);
    return tiff && entry && numberOf(tiff, entry);
  };
  const isRaw =
    entries.some(({ tag }) => tag === TAG.dngVersion) ||
    bytes.toString("latin1", 8, 10) === "CR" ||
    ((valueOf(TAG.subfileType) ?? 0) & 1) === 1;
  if (isRaw) return "a raw file of a camera is not read";
  const tilePixels = (valueOf(TAG.tileWidth) ?? 0) * (valueOf(TAG.tileHeight) ?? 0);
  return tilePixels > maxPixels ? `a TIFF with tiles of ${tilePixels} pixels is not read` : undefined;
}

/**
 * The brands of a file in ISO BMFF (ISO/IEC 14496-12): the box `ftyp` has a major brand, a version, and the compatible
 * brands.
 */
function brandsOf(bytes: Buffer): string[] {
  if (bytes.length < 16 || bytes.toString("latin1", 4, 8) !== "ftyp") return [];
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 128); // real files name a handful of brands
  const brands = [];
  // the version is at 12
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(bytes.toString("latin1", at, at + 4));
  return brands;
}
