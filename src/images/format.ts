/** The formats that are read. What they are is told by their first bytes, never by a name or a header that came along. */
export type SourceFormat = "jpeg" | "png" | "webp" | "avif" | "heic" | "gif";

const AVIF_BRANDS = new Set(["avif", "avis"]);
const HEIC_BRANDS = new Set(["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]);

/** The format of an image by its magic bytes, or undefined for anything else (SVG, PDF, TIFF, text and so on). */
export function sniffFormat(bytes: Buffer): SourceFormat | undefined {
  const start = bytes.toString("latin1", 0, 12);
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return "webp";
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "gif";
  const brands = brandsOf(bytes);
  if (brands.some((brand) => AVIF_BRANDS.has(brand))) return "avif"; // AVIF names `mif1`, which HEIC does as well
  return brands.some((brand) => HEIC_BRANDS.has(brand)) ? "heic" : undefined;
}

/** What a file that is not read seems to be, for the message that refuses it. */
export function isSvg(bytes: Buffer): boolean {
  return /<svg[\s>]/i.test(bytes.toString("latin1", 0, 4_096));
}

/** ISO BMFF (ISO/IEC 14496-12): the box `ftyp` holds a major brand, a version, and the brands that it is compatible with. */
function brandsOf(bytes: Buffer): string[] {
  if (bytes.length < 16 || bytes.toString("latin1", 4, 8) !== "ftyp") return [];
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 128); // real files name a handful of brands
  const brands = [];
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(bytes.toString("latin1", at, at + 4)); // 12 holds the version
  return brands;
}
