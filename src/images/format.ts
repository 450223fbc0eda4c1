/** The formats that are read. What they are is told by their first bytes, never by a name or a header that came along. */
export type SourceFormat = "jpeg" | "png" | "webp" | "avif" | "gif";

/** The format of an image by its magic bytes, or undefined for anything else (SVG, PDF, TIFF, text and so on). */
export function sniffFormat(bytes: Buffer): SourceFormat | undefined {
  const ascii = (start: number, end: number): string => bytes.toString("latin1", start, end);
  if (ascii(0, 3) === "\xff\xd8\xff") return "jpeg";
  if (ascii(0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (ascii(0, 4) === "RIFF" && ascii(8, 12) === "WEBP") return "webp";
  if (ascii(0, 6) === "GIF87a" || ascii(0, 6) === "GIF89a") return "gif";
  return isAvif(bytes, ascii) ? "avif" : undefined;
}

/** ISO BMFF (ISO/IEC 14496-12): a box `ftyp` whose major brand, or one of the compatible ones after it, is AVIF's. */
function isAvif(bytes: Buffer, ascii: (start: number, end: number) => string): boolean {
  if (bytes.length < 16 || ascii(4, 8) !== "ftyp") return false;
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, 128); // real files name a handful of brands
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at !== 12 && (ascii(at, at + 4) === "avif" || ascii(at, at + 4) === "avis")) return true; // 12 holds a version
  }
  return false;
}
