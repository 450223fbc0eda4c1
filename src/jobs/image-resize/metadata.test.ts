import exifr from "exifr";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { photoWithEverything } from "../../testing/photo.ts";
import { renderOne } from "../../testing/render.ts";
import type { Variant } from "./variant.ts";

const ALL = {
  tiff: true,
  ifd0: {},
  ifd1: true,
  exif: true,
  gps: true,
  interop: true,
  makerNote: true,
  xmp: true,
  iptc: true,
  icc: true,
  jfif: true,
  mergeOutput: false,
  sanitize: false,
} as const;

type Blocks = Partial<
  Record<
    "ifd0" | "ifd1" | "exif" | "gps" | "interop" | "xmp" | "iptc" | "icc" | "tiff" | "dc" | "photoshop",
    Record<string, unknown>
  >
>;

async function metadataOf(bytes: Buffer): Promise<Blocks> {
  return ((await exifr.parse(bytes, ALL)) ?? {}) as Blocks;
}

describe("kept metadata", () => {
  it("is in the photo before it is rendered", async () => {
    const before = await metadataOf(await photoWithEverything());
    expect(before.ifd1).toMatchObject({ ThumbnailLength: expect.any(Number) as number });
    expect(before.ifd0).toMatchObject({ Orientation: expect.anything() as unknown, Copyright: "(c) Jane" });
    expect(before.gps).toMatchObject({ GPSLatitude: [52, 30, 0] });
    expect(JSON.stringify(before)).toContain("Orientation");
  });

  it.each<[string, Variant]>([
    ["jpeg", { width: 100, height: 100 }],
    ["png", { width: 100, height: 50, format: "png" }],
    ["webp", { width: 30, format: "webp", sharpen: 1 }],
    ["avif", { height: 20, format: "avif", blur: 1 }],
  ])("contains in %s only entries that are correct for the output", async (_format, variant) => {
    const output = await renderOne(await photoWithEverything(), { ...variant, metadata: "keep" });
    const { exif: block = Buffer.alloc(0), xmp, icc, iptc } = await sharp(output.bytes).metadata();
    expect([icc, iptc]).toEqual([undefined, undefined]);
    const { ifd0, ifd1, exif, gps, interop } = await metadataOf(block.subarray(block.indexOf("MM\0*", 0, "latin1")));
    expect(ifd0).toMatchObject({ Copyright: "(c) Jane", XResolution: 300, Orientation: "Horizontal (normal)" });
    expect(exif).toMatchObject({ ExifImageWidth: output.width, ExifImageHeight: output.height, ColorSpace: 1 });
    expect(gps).toMatchObject({ GPSLatitude: [52, 30, 0], GPSLatitudeRef: "N" });
    expect([ifd1, interop, exif?.["MakerNote"], exif?.["SubjectArea"], ifd0?.["ImageWidth"]]).toEqual(
      Array(5).fill(undefined),
    );
    // and nothing that followed it
    expect(xmp?.toString()).toContain(`t:ImageWidth="${output.width}" e:GPSLatitude="52,30.0N">`);
    expect(xmp?.toString()).toContain(
      `<dc:format>image/${output.format}</dc:format><tiff:Orientation>1</tiff:Orientation>`,
    );
    for (const stale of [
      "data-of-a-thumbnail",
      "regions of the source",
      "Display P3",
      "HasExtendedXMP=",
      "image/x-raw",
    ])
      expect(output.bytes.includes(stale), stale).toBe(false);
  });

  it.each(["jpeg", "png"] as const)("is found by a second library in %s", async (format) => {
    const { bytes } = await renderOne(await photoWithEverything(), { width: 40, format, metadata: "keep" });
    expect(await metadataOf(bytes)).toMatchObject({
      ifd0: { Copyright: "(c) Jane" },
      exif: { ExifImageWidth: 40 },
      gps: { GPSLatitude: [52, 30, 0] },
    });
    if (format === "jpeg") expect((await metadataOf(bytes)).dc).toEqual({ creator: "Jane", format: "image/jpeg" });
  });

  it("omits the location of the photo if the job asks for it", async () => {
    const { bytes } = await renderOne(await photoWithEverything(), { width: 30, metadata: "keep_without_location" });
    const { gps, ifd0 } = await metadataOf(bytes);
    expect(gps).toBeUndefined();
    expect(ifd0).toMatchObject({ Copyright: "(c) Jane" });
    expect(bytes.includes(Buffer.from("GPSLatitude"))).toBe(false);
  });

  it("of an animated WebP is kept like that of a still one", async () => {
    const frames = Buffer.concat([Buffer.alloc(40 * 20 * 3, 10), Buffer.alloc(40 * 20 * 3, 200)]);
    const webp = sharp(frames, { raw: { width: 40, height: 40, channels: 3, pageHeight: 20 } }).withExif({
      IFD0: { Copyright: "(c) Jane" },
    });
    const source = await webp
      .withXmp(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></x:xmpmeta>',
      )
      .webp({ delay: [50, 70] })
      .toBuffer();
    const { bytes } = await renderOne(source, { width: 20, animated: true, metadata: "keep" });
    const header = await sharp(bytes, { pages: -1 }).metadata();
    expect(header).toMatchObject({ pages: 2, delay: [50, 70], width: 20, pageHeight: 10 });
    expect(header.exif?.toString("latin1")).toContain("(c) Jane");
    expect(header.xmp?.toString()).toContain('tiff:Orientation="1"');
  });

  it("is omitted if it cannot be read", async () => {
    const photo = sharp({ create: { width: 20, height: 10, channels: 3, background: "red" } });
    const { bytes } = await renderOne(
      await photo.withXmp("<x:xmpmeta><tiff:Orientation>6</x:xmpmeta>").jpeg().toBuffer(),
      { width: 10, metadata: "keep" },
    );
    expect((await sharp(bytes).metadata()).xmp).toBeUndefined();
  });
});
