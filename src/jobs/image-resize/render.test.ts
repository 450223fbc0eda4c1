import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { MARK, render, renderOne } from "../../testing/render.ts";
import type { RenderedVariant } from "./render.ts";
import type { Variant } from "./variant.ts";

const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

/** A plane of one colour with a square of another colour at (left, top). */
function square(width: number, height: number, left: number, top: number, side: number): Promise<Buffer> {
  const input = { create: { width: side, height: side, channels: 3 as const, background: "red" } };
  return plain(width, height, "white").composite([{ input, left, top }]).png().toBuffer();
}

/** The RGBA of one pixel. */
async function pixel({ bytes }: { readonly bytes: Buffer }, x: number, y: number): Promise<number[]> {
  return [...(await sharp(bytes).ensureAlpha().extract({ left: x, top: y, width: 1, height: 1 }).raw().toBuffer())];
}

/** Three frames: red, green, blue; shown for 100, 200 and 300 ms, twice. */
function animation(format: "gif" | "webp", width = 40, height = 20): Promise<Buffer> {
  const frames = Buffer.alloc(width * height * 3 * 3);
  for (let i = 0; i < width * height * 3; i++) frames[i * 3 + Math.floor(i / (width * height))] = 255;
  return sharp(frames, { raw: { width, height: height * 3, channels: 3, pageHeight: height } })
    .toFormat(format, { delay: [100, 200, 300], loop: 2 })
    .toBuffer();
}

/** The CPU time of this process for the work, in milliseconds. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

describe("cropping", () => {
  it("keeps the middle, the focal point, or what draws attention", async () => {
    const source = await square(300, 100, 260, 30, 40); // far to the right
    const cases: [Variant, number][] = [
      [{}, 0],
      [{ crop: "center" }, 0],
      [{ focus: { x: 0.93, y: 0.5 } }, 255],
      [{ focus: { x: 0, y: 0 } }, 0],
      [{ crop: "attention" }, 255],
      [{ crop: "entropy" }, 255],
    ];
    for (const [variant, expected] of cases) {
      const rendered = await renderOne(source, { width: 100, height: 100, ...variant });
      expect(rendered).toMatchObject({ width: 100, height: 100 });
      const { channels } = await sharp(rendered.bytes).stats();
      expect(channels[1]?.min === 0 ? 255 : 0, JSON.stringify(variant)).toBe(expected); // red has no green, white has
    }
  });

  it("centres the focal point if there is room", async () => {
    const rendered = await renderOne(await square(300, 100, 90, 40, 20), {
      width: 50,
      height: 50,
      focus: { x: 1 / 3, y: 0.5 },
    });
    expect(await pixel(rendered, 25, 25)).toEqual([255, 0, 0, 255]);
    expect(await pixel(rendered, 5, 25)).toEqual([255, 255, 255, 255]);
  });
});

describe("colours", () => {
  it("letterboxes with the background, and draws it below transparent pixels", async () => {
    const clear = await sharp({
      create: { width: 20, height: 10, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    for (const format of ["png", "jpeg"] as const) {
      const rendered = await renderOne(clear, { width: 20, height: 20, fit: "contain", background: "#0000ff", format });
      for (const y of [1, 10]) {
        const [red = 255, , blue = 0, alpha] = await pixel(rendered, 10, y);
        expect([red < 5, blue > 250, alpha]).toEqual([true, true, 255]);
      }
    }
    expect(
      await pixel(await renderOne(clear, { width: 20, height: 20, fit: "contain", background: "#0000ff00" }), 10, 1),
    ).toMatchObject({ 3: 0 });
  });

  it("become sRGB in one variant and in several, and the profile is removed", async () => {
    const wide = await plain(64, 64, "#00ff00").withIccProfile("p3").png().toBuffer();
    const adobe = await plain(64, 64, "#c86432")
      .toColourspace("cmyk")
      .withIccProfile("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
    for (const variants of [
      [{ width: 8, format: "png" }],
      [
        { width: 8, format: "png" },
        { width: 32, format: "png" },
      ],
    ] as Variant[][]) {
      const [green] = await render(wide, variants);
      const [brown] = await render(adobe, variants);
      if (!green || !brown) throw new Error("nothing was rendered");
      expect((await sharp(green.bytes).metadata()).icc).toBeUndefined();
      const [red = 255, , blue = 255] = await pixel(green, 4, 4);
      expect(Math.max(red, blue)).toBeLessThan(30);
      const [r = 0, g = 0, b = 0] = await pixel(brown, 4, 4);
      expect(Math.max(Math.abs(r - 200), Math.abs(g - 100), Math.abs(b - 50))).toBeLessThan(40);
    }
  });

  it("blurs and sharpens", async () => {
    const edge = await square(100, 100, 50, 0, 50);
    const [as, blurred] = await render(edge, [{ format: "png" }, { format: "png", blur: 5 }]);
    if (!as || !blurred) throw new Error("nothing was rendered");
    expect(await pixel(as, 48, 25)).toEqual([255, 255, 255, 255]);
    expect((await pixel(blurred, 48, 25))[1]).toBeLessThan(200);
    const soft = await sharp(edge).blur(2).png().toBuffer();
    const sharpness = async (image: Buffer) => (await sharp(image).stats()).sharpness;
    expect(await sharpness((await renderOne(soft, { sharpen: 3 })).bytes)).toBeGreaterThan(
      1.2 * (await sharpness(soft)),
    );
  });
});

describe("a watermark", () => {
  it("has the position, size and opacity that the job asks for", async () => {
    const mark = await plain(10, 10, "black").png().toBuffer();
    const source = await plain(200, 100, "white").jpeg().toBuffer();
    const full = await renderOne(
      source,
      { format: "png", watermark: { artifact: MARK, position: "northwest", scale: 0.1 } },
      mark,
    );
    expect(await pixel(full, 18, 18)).toEqual([0, 0, 0, 255]);
    expect(await pixel(full, 22, 5)).toEqual([255, 255, 255, 255]);
    const faint = await renderOne(
      source,
      { width: 100, format: "png", watermark: { artifact: MARK, opacity: 0.5 } },
      mark,
    );
    expect((await pixel(faint, 97, 47))[0]).toSatisfy((red: number) => red > 120 && red < 135);
    expect(await pixel(faint, 50, 25)).toEqual([255, 255, 255, 255]);
    expect(
      await renderOne(source, { width: 33, watermark: { artifact: MARK, scale: 1, position: "center" } }, mark),
    ).toMatchObject({ width: 33, height: 17 });
  });
});

describe("metadata", () => {
  it("is dropped, or kept if the job asks for it, in one variant and in several", async () => {
    const photo = await plain(80, 40, "red")
      .withExif({ IFD0: { Copyright: "somebody" } })
      .withMetadata({ orientation: 6 })
      .withExifMerge({ IFD0: { Copyright: "somebody" } })
      .jpeg()
      .toBuffer();
    const exifOf = async ({ bytes }: RenderedVariant) => (await sharp(bytes).metadata()).exif?.toString("latin1") ?? "";
    expect(await exifOf(await renderOne(photo, { width: 10, metadata: "keep" }))).toContain("somebody");
    const [kept, dropped] = await render(photo, [{ width: 20, metadata: "keep" }, { width: 10 }]);
    if (!kept || !dropped) throw new Error("nothing was rendered");
    expect(await exifOf(kept)).toContain("somebody");
    expect(await exifOf(dropped)).toBe("");
    expect((await sharp(kept.bytes).metadata()).orientation ?? 1).toBe(1);
    expect(kept).toMatchObject({ width: 20, height: 40 });
  });
});

describe("an animation", () => {
  it.each(["gif", "webp"] as const)(
    "of %s keeps its frames and their delays if the job asks for it, and otherwise its first frame",
    async (format) => {
      const source = await animation(format);
      const variants: Variant[] = [
        { width: 20, animated: true },
        { width: 10, animated: true, format: format === "gif" ? "webp" : "gif" },
        { width: 20 },
        { width: 10, height: 10, animated: true, focus: { x: 0, y: 0 } },
      ];
      const [kept, converted, still, cropped] = await render(source, variants);
      if (!kept || !converted || !still || !cropped) throw new Error("nothing was rendered");
      for (const [rendered, size] of [
        [kept, { width: 20, height: 10 }],
        [converted, { width: 10, height: 5 }],
        [cropped, { width: 10, height: 10 }],
      ] as const) {
        expect(rendered).toMatchObject(size);
        const header = await sharp(rendered.bytes, { animated: true }).metadata();
        expect(header).toMatchObject({ pages: 3, delay: [100, 200, 300], pageHeight: size.height, loop: 2 });
        expect((await sharp(rendered.bytes, { page: 1 }).stats()).dominant).toMatchObject({
          g: expect.toSatisfy((green: number) => green > 200) as number,
        });
      }
      expect(still).toMatchObject({ format: format === "gif" ? "png" : "webp", width: 20, height: 10 });
      expect((await sharp(still.bytes).metadata()).pages ?? 1).toBe(1);
      expect(await renderOne(source, { width: 20, animated: true })).toMatchObject({ width: 20, height: 10, format });
    },
  );

  it("is rejected before it is decoded if it has too many frames, unless only its first frame is used", async () => {
    const pixels = Buffer.alloc(4 * 3 * 1_001);
    for (let frame = 0; frame < 1_001; frame++) pixels.fill((frame % 2) * 255, frame * 12, (frame + 1) * 12);
    const long = await sharp(pixels, { raw: { width: 2, height: 2_002, channels: 3, pageHeight: 2 } })
      .gif()
      .toBuffer();
    await expect(renderOne(long, { width: 1, animated: true })).rejects.toMatchObject({
      name: "PermanentError",
      code: "image_too_large",
    });
    await expect(renderOne(await animation("gif"), { width: 8_000, animated: true })).rejects.toMatchObject({
      code: "image_too_large",
    });
    expect(await renderOne(long, { width: 1 })).toMatchObject({ width: 1, height: 1 });
  });
});

describe("several variants", () => {
  it("decode the source once", async () => {
    const noise = { type: "gaussian" as const, mean: 128, sigma: 60 };
    const source = await sharp({ create: { width: 1_600, height: 1_200, channels: 3, background: "black", noise } })
      .png()
      .toBuffer();
    const variants = Array.from({ length: 10 }, (_, i): Variant => ({ width: 20 + i, format: "jpeg" }));
    const one = await cpuMs(() => render(source, variants.slice(0, 1)));
    const ten = await cpuMs(() => render(source, variants));
    expect(ten / one).toBeLessThan(4); // ten decodes would make it ten
  });

  it("are as good as a single variant", async () => {
    const noise = { type: "gaussian" as const, mean: 128, sigma: 30 };
    const source = await sharp({ create: { width: 1_203, height: 801, channels: 3, background: "black", noise } })
      .blur(1.5)
      .jpeg({ quality: 95 })
      .toBuffer();
    const widths = [560, 300, 97];
    const together = await render(
      source,
      widths.map((width): Variant => ({ width, format: "png" })),
    );
    for (const [i, width] of widths.entries()) {
      const exact = await sharp(source).resize({ width, fastShrinkOnLoad: false }).raw().toBuffer();
      const errorOf = async (bytes: Buffer) => rootMeanSquare(await sharp(bytes).raw().toBuffer(), exact);
      const alone = await renderOne(source, { width, format: "png" });
      // 40 dB
      expect(await errorOf(together[i]?.bytes ?? alone.bytes)).toBeLessThan((await errorOf(alone.bytes)) + 2.5);
    }
  });
});

function rootMeanSquare(a: Buffer, b: Buffer): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0) / a.length);
}
