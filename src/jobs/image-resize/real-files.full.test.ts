/**
 * Files written by other programs, and outputs read by other programs: `apt-get install imagemagick webp
 * libimage-exiftool-perl python3-pil`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { photoWithEverything } from "../../testing/photo.ts";
import { decodePicture, differenceOf, pixelAt } from "../../testing/pictures.ts";
import { render, renderOne } from "../../testing/render.ts";
import type { Variant } from "./variant.ts";

const folder = mkdtempSync(join(tmpdir(), "real-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONVERT = "/usr/bin/convert";
const PYTHON = "/usr/bin/python3";

/** A file of this name that ImageMagick creates from the arguments. */
function magick(name: string, ...args: readonly string[]): Buffer {
  execFileSync(CONVERT, [...args, join(folder, name)]);
  return readFileSync(join(folder, name));
}

/** A file that Pillow creates: `im` is a gradient from red to blue, 120 × 80. */
function pillow(name: string, script: string): Buffer {
  const whole = `from PIL import Image\nim = Image.new("RGB", (120, 80))\nim.putdata([(255 - 2 * x, y, 2 * x) for y in range(80) for x in range(120)])\npath = ${JSON.stringify(join(folder, name))}\n${script}`;
  execFileSync(PYTHON, ["-c", whole]);
  return readFileSync(join(folder, name));
}

function cwebp(name: string, ...args: readonly string[]): Buffer {
  magick("cwebp.png", ...GRADIENT);
  execFileSync("cwebp", ["-quiet", ...args, join(folder, "cwebp.png"), "-o", join(folder, name)]);
  return readFileSync(join(folder, name));
}

const GRADIENT = ["-size", "120x80", "gradient:red-blue"];
const GREY = ["-size", "120x80", "gradient:white-black", "-colorspace", "Gray"];

/** The tolerance is the largest mean difference over a picture that decoders, colour spaces and rounding may cause. */
const FILES: readonly [name: string, make: (name: string) => Buffer, tolerance: number][] = [
  ["baseline.jpg", (name) => magick(name, ...GRADIENT, "-quality", "95"), 2],
  ["progressive.jpg", (name) => magick(name, ...GRADIENT, "-interlace", "Plane", "-sampling-factor", "4:2:0"), 3],
  ["grey.jpg", (name) => magick(name, ...GREY), 2],
  ["cmyk.jpg", (name) => magick(name, ...GRADIENT, "-colorspace", "CMYK", "-quality", "98"), 60],
  ["turned.jpg", (name) => magick(name, ...GRADIENT, "-orient", "RightTop"), 3],
  ["grey.png", (name) => magick(name, ...GREY), 1],
  ["grey16.png", (name) => magick(name, ...GREY, "-depth", "16"), 1],
  [
    "rgb16.png",
    (name) => magick(name, ...GRADIENT, "-depth", "16", "-define", "png:color-type=2", "-define", "png:bit-depth=16"),
    1,
  ],
  ["one-bit.png", (name) => magick(name, ...GREY, "-monochrome"), 1],
  ["palette.png", (name) => magick(name, ...GRADIENT, "-colors", "64", "-type", "Palette"), 1],
  ["interlaced.png", (name) => magick(name, ...GRADIENT, "-interlace", "PNG"), 1],
  [
    "alpha.png",
    (name) => magick(name, ...GRADIENT, "-alpha", "set", "-channel", "A", "-evaluate", "set", "100%", "+channel"),
    1,
  ],
  ["group4.tif", (name) => magick(name, ...GREY, "-monochrome", "-compress", "Group4"), 1],
  ["zip.tif", (name) => magick(name, ...GRADIENT, "-compress", "Zip"), 1],
  ["jpeg.tif", (name) => magick(name, ...GRADIENT, "-compress", "JPEG"), 4],
  ["grey16.tif", (name) => magick(name, ...GREY, "-depth", "16", "-compress", "LZW"), 1],
  ["big-endian.tif", (name) => magick(name, ...GRADIENT, "-endian", "MSB"), 1],
  ["planar.tif", (name) => magick(name, ...GRADIENT, "-interlace", "Plane"), 1],
  ["still.gif", (name) => magick(name, ...GRADIENT), 1],
  ["lossy.webp", (name) => cwebp(name, "-q", "95"), 5],
  ["lossless.webp", (name) => cwebp(name, "-lossless"), 1],
  ["pillow-la.png", (name) => pillow(name, 'im.convert("LA").save(path)'), 1],
  ["pillow-palette.png", (name) => pillow(name, "im.quantize(32).save(path, transparency=200)"), 1],
  [
    "pillow-16.png",
    (name) => pillow(name, 'im.convert("L").convert("I").point(lambda v: v * 257).convert("I;16").save(path)'),
    1,
  ],
  ["pillow-lzw.tif", (name) => pillow(name, 'im.save(path, compression="tiff_lzw")'), 1],
  ["pillow.webp", (name) => pillow(name, "im.save(path, lossless=True)"), 1],
];

/** The RGBA of a file's first picture as ImageMagick decodes it, upright. */
function seenByMagick(path: string): Buffer {
  return execFileSync(
    CONVERT,
    [`${path}[0]`, "-auto-orient", "-colorspace", "sRGB", "-alpha", "set", "-depth", "8", "rgba:-"],
    { maxBuffer: 1e8 },
  );
}

/** The RGBA of all frames of an animation, each composed with the visible parts of earlier frames. */
function framesSeenByMagick(path: string): Buffer {
  return execFileSync(CONVERT, [path, "-coalesce", "-colorspace", "sRGB", "-alpha", "set", "-depth", "8", "rgba:-"], {
    maxBuffer: 1e8,
  });
}

function meanDifference(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, value, i) => sum + Math.abs(value - (other[i] ?? 0)), 0) / one.length;
}

describe("a file of another program", () => {
  it.each(FILES)(
    "%s is decoded as by that program, and has a red background if the job asks for it",
    async (name, make, tolerance) => {
      const source = make(name);
      const expected = seenByMagick(join(folder, name));
      const picture = await decodePicture((await renderOne(source, { format: "png" })).bytes);
      expect(picture.pixels).toHaveLength(expected.length);
      expect(meanDifference(picture.pixels, expected)).toBeLessThanOrEqual(tolerance);
      for (const format of ["png", "jpeg", "webp", "avif", "gif"] as const) {
        const variant: Variant = {
          width: 90,
          height: 90,
          fit: picture.width > picture.height ? "contain" : "inside",
          background: "#ff0000",
          format,
        };
        const [alone] = await render(source, [variant]);
        const [together] = await render(source, [variant, { width: 7 }, { format: "jpeg" }]);
        if (!/jpg|webp/.test(name)) expect(alone && together?.bytes.equals(alone.bytes)).toBe(true);
        for (const made of [alone, together]) {
          if (variant.fit === "contain")
            expect(
              differenceOf(pixelAt(await decodePicture(made?.bytes ?? source), 45, 5), [255, 0, 0, 255]),
            ).toBeLessThan(10);
        }
      }
    },
  );

  it.each(["None", "Previous"])(
    "an animation of partial frames, disposed of by %s, is decoded frame by frame",
    async (dispose) => {
      const frames = ["xc:red", "xc:lime", "xc:blue"].flatMap((colour, i) => [
        "-dispose",
        i === 0 ? "None" : dispose,
        "(",
        "-size",
        i === 0 ? "60x40" : "20x10",
        colour,
        "-repage",
        i === 0 ? "60x40+0+0" : `60x40+${i * 20}+${i * 10}`,
        ")",
      ]);
      const source = magick(`partial-${dispose}.gif`, "-delay", "7", ...frames, "-loop", "3");
      const expected = framesSeenByMagick(join(folder, `partial-${dispose}.gif`));
      for (const format of ["gif", "webp"] as const) {
        const path = join(folder, `after-${dispose}.${format}`);
        writeFileSync(path, (await renderOne(source, { width: 60, animated: true, format })).bytes);
        const seen = framesSeenByMagick(path);
        expect(seen.length).toBe(3 * 60 * 40 * 4);
        for (let frame = 0; frame < 3; frame++) {
          for (const [x, y] of [
            [5, 35],
            [25, 13],
            [45, 25],
          ] as const) {
            const at = ((frame * 40 + y) * 60 + x) * 4;
            expect(
              differenceOf([...seen.subarray(at, at + 4)], [...expected.subarray(at, at + 4)]),
              `frame ${frame} at ${x}, ${y}`,
            ).toBeLessThan(12);
          }
        }
      }
    },
  );
});

describe("kept metadata as exiftool reads it", () => {
  it.each(["jpeg", "png", "webp", "avif"] as const)("is correct in a %s", async (format) => {
    const { bytes, width, height } = await renderOne(await photoWithEverything(), {
      width: 50,
      height: 20,
      format,
      metadata: "keep",
    });
    const path = join(folder, `kept.${format}`);
    writeFileSync(path, bytes);
    const [tags] = JSON.parse(
      execFileSync("exiftool", ["-j", "-a", "-u", "-n", "-G1", path], { encoding: "utf8" }),
    ) as [Record<string, unknown>];
    expect(tags).toMatchObject({
      "IFD0:Copyright": "(c) Jane",
      "IFD0:Orientation": 1,
      "IFD0:XResolution": 300,
      "ExifIFD:ExifImageWidth": width,
      "ExifIFD:ExifImageHeight": height,
      "ExifIFD:ColorSpace": 1,
    });
    expect(tags).toMatchObject({
      "XMP-dc:Creator": "Jane",
      "XMP-dc:Format": `image/${format}`,
      "XMP-tiff:Orientation": 1,
      "XMP-tiff:ImageWidth": width,
    });
    expect(tags["GPS:GPSLatitude"]).toBeCloseTo(52.5);
    expect(
      Object.keys(tags).filter((name) =>
        /Thumbnail|Preview|MakerNote|IFD1|IPTC|Region|ICC|SubjectArea|Unknown/.test(name),
      ),
    ).toEqual([]);
    expect(execFileSync("exiftool", ["-validate", "-warning", "-error", "-a", path], { encoding: "utf8" })).not.toMatch(
      /Error/,
    );
  });

  it.each(["jpeg", "png", "webp", "avif"] as const)("is absent from a %s if it is dropped", async (format) => {
    const path = join(folder, `dropped.${format}`);
    writeFileSync(path, (await renderOne(await photoWithEverything(), { width: 50, format })).bytes);
    const [tags] = JSON.parse(execFileSync("exiftool", ["-j", "-a", "-u", "-G1", path], { encoding: "utf8" })) as [
      Record<string, unknown>,
    ];
    expect(Object.keys(tags).filter((name) => /^(IFD|ExifIFD|GPS|XMP|IPTC|ICC|Photoshop)/.test(name))).toEqual([]);
  });
});
