import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { PermanentError } from "../../core/job-type.ts";
import { decodePicture, differenceOf, pixelAt } from "../../testing/pictures.ts";
import { renderOne } from "../../testing/render.ts";

const plain = (background: string, width = 20, height = 10) =>
  sharp({ create: { width, height, channels: 3, background } });
const noise = () =>
  sharp({
    create: {
      width: 200,
      height: 150,
      channels: 3,
      background: "black",
      noise: { type: "gaussian", mean: 128, sigma: 40 },
    },
  });

async function failure(source: Buffer): Promise<unknown> {
  return renderOne(source, { width: 5 }).then(
    () => "nothing",
    (thrown: unknown) => thrown,
  );
}

/** A little-endian TIFF whose first directory has these numbers, and no picture. */
function tiffWith(...fields: readonly (readonly [tag: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(8 + 2 + 12 * fields.length + 4);
  bytes.write("II*\0\x08\0\0\0", "latin1");
  bytes.writeUInt16LE(fields.length, 8);
  for (const [i, [tag, value]] of fields.entries()) {
    bytes.writeUInt16LE(tag, 10 + 12 * i);
    bytes.writeUInt16LE(4, 12 + 12 * i);
    bytes.writeUInt32LE(1, 14 + 12 * i);
    bytes.writeUInt32LE(value, 18 + 12 * i);
  }
  return bytes;
}

describe("a TIFF", () => {
  it.each(["none", "lzw", "deflate", "packbits", "jpeg"] as const)(
    "is read with the compression %s, and becomes a PNG",
    async (compression) => {
      const source = await plain("#000000")
        .tiff({ compression, tile: compression === "lzw" })
        .toBuffer();
      const rendered = await renderOne(source, { width: 10 });
      expect(rendered).toMatchObject({ format: "png", width: 10, height: 5 });
      expect(differenceOf(pixelAt(await decodePicture(rendered.bytes), 5, 2), [0, 0, 0, 255])).toBeLessThan(3);
    },
  );

  it("gives its first page", async () => {
    const pages = await Promise.all(["#ff0000", "#0000ff"].map((colour) => plain(colour).png().toBuffer()));
    const source = await sharp(pages, { join: { across: 1, animated: true } })
      .tiff()
      .toBuffer();
    expect((await sharp(source).metadata()).pages).toBe(2);
    for (const animated of [false, true]) {
      const rendered = await renderOne(source, { width: 10, animated, format: "webp" });
      expect(rendered).toMatchObject({ width: 10, height: 5 });
      expect(differenceOf(pixelAt(await decodePicture(rendered.bytes), 5, 2), [255, 0, 0, 255])).toBeLessThan(12);
    }
  });
});

describe("an unsupported file is rejected by its name, with the supported formats:", () => {
  it.each([
    ["BMP", Buffer.from("BM\0\0\0\0\0\0\0\0\0\0", "latin1")],
    ["PDF", Buffer.from("%PDF-1.7\n%....")],
    ["Photoshop", Buffer.from("8BPS\0\x01\0\0\0\0\0\0", "latin1")],
    ["JPEG XL", Buffer.from("\xff\x0a\0\0\0\0\0\0\0\0\0\0\0", "latin1")],
    ["BigTIFF", Buffer.from("II+\0\x08\0\0\0\0\0\0\0", "latin1")],
    ["a raw file of a camera", tiffWith([0x00fe, 1], [0x0100, 160])],
    ["a raw file of a camera", tiffWith([0x0100, 160], [0xc612, 1])],
    ["a TIFF with tiles of 4294836225 pixels", tiffWith([0x0100, 1], [0x0101, 1], [0x0142, 65_535], [0x0143, 65_535])],
    ["this file's format", Buffer.from("hello, world")],
  ])("%s", async (name, bytes) => {
    const thrown = await failure(bytes);
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(thrown).toMatchObject({ code: "image_unsupported", message: expect.stringContaining(name) as string });
    expect(thrown).toMatchObject({
      message: expect.stringContaining("Supported are JPEG, PNG, WebP, AVIF, GIF and TIFF") as string,
    });
  });
});

describe("a truncated file", () => {
  it.each(["jpeg", "png", "gif"] as const)(
    "is rejected, or decoded in part if the job asks for it: %s",
    async (format) => {
      const whole = await noise().toFormat(format).toBuffer();
      const cut = whole.subarray(0, Math.floor(whole.length * 0.6));
      expect(await failure(cut)).toMatchObject({ code: "image_invalid" });
      const [from, rendered] = [
        await decodePicture((await renderOne(whole, { format: "png" })).bytes),
        await renderOne(cut, { format: "png" }, undefined, { onError: "truncate" }),
      ];
      expect(rendered).toMatchObject({ width: 200, height: 150, isTruncated: true });
      const picture = await decodePicture(rendered.bytes);
      for (const [x, y] of [
        [5, 5],
        [190, 20],
        [100, 60],
      ] as const)
        expect(differenceOf(pixelAt(picture, x, y), pixelAt(from, x, y))).toBeLessThan(4);
      expect(await renderOne(whole, { format: "png" }, undefined, { onError: "truncate" })).toMatchObject({
        isTruncated: false,
      });
    },
  );

  it("is rejected if nothing of it can be decoded", async () => {
    for (const bytes of [Buffer.from([0xff, 0xd8, 0xff, 0xe0]), (await noise().webp().toBuffer()).subarray(0, 40)]) {
      await expect(renderOne(bytes, { width: 5 }, undefined, { onError: "truncate" })).rejects.toMatchObject({
        code: "image_invalid",
      });
    }
  });
});

describe("the limit of pixels", () => {
  it("is that of the setting, for the source and the output", async () => {
    const source = await plain("red", 100, 50).png().toBuffer();
    await expect(renderOne(source, { width: 5 }, undefined, { maxPixels: 4_999 })).rejects.toMatchObject({
      code: "image_too_large",
      message: expect.stringContaining("more than 4999") as string,
    });
    await expect(renderOne(source, { width: 101 }, undefined, { maxPixels: 5_000 })).rejects.toMatchObject({
      code: "image_too_large",
    });
    expect(await renderOne(source, { width: 100 }, undefined, { maxPixels: 5_000 })).toMatchObject({ width: 100 });
  });

  it("may be higher than the default", async () => {
    const wide = await sharp({ create: { width: 10_000, height: 5_100, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer();
    expect(await failure(wide)).toMatchObject({ code: "image_too_large" });
    expect(await renderOne(wide, { width: 100 }, undefined, { maxPixels: 60_000_000 })).toMatchObject({
      width: 100,
      height: 51,
    });
  });
});
