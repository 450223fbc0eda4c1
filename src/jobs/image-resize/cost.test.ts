import { describe, expect, it } from "vitest";
import { PermanentError } from "../../core/job-type.ts";
import { effortsOf, type Work } from "./cost.ts";
import { DEFAULT_MAX_PIXELS } from "./decoding.ts";
import type { Image } from "./image.ts";
import type { OutputFormat, Variant } from "./variant.ts";

const imageOf = (width: number, height: number, changes: Partial<Image> = {}): Image => ({
  bytes: Buffer.alloc(0),
  format: "jpeg",
  size: { width, height },
  frames: 1,
  delaysMs: undefined,
  loops: undefined,
  orientation: 1,
  exif: undefined,
  xmp: undefined,
  density: undefined,
  maxPixels: DEFAULT_MAX_PIXELS,
  onError: "fail",
  isTruncated: false,
  ...changes,
});
const camera = imageOf(4_000, 3_000);
const largest = imageOf(7_000, 7_000);
const work = (format: OutputFormat, variant: Variant = {}, { isAnimated = false } = {}): Work => ({
  variant,
  format,
  isAnimated,
});
const times = (count: number, of: Work): Work[] => Array.from({ length: count }, () => of);
const none = new Map<string, Image>();

describe("the effort of encoders", () => {
  it.each<[string, Image, Work[], (number | undefined)[]]>([
    [
      "small outputs get the default",
      camera,
      [work("avif", { width: 1_600 }), work("webp"), work("png", { quality: 80, width: 2_000 })],
      [undefined, undefined, undefined],
    ],
    ["a large AVIF gets less", camera, [work("avif")], [2]],
    ["the largest AVIF gets the least", largest, [work("avif")], [0]],
    ["only the most expensive output gets less", camera, [work("avif"), work("avif", { width: 400 })], [2, undefined]],
    [
      "a palette has levels, and a PNG without a palette does not",
      largest,
      [work("png", { quality: 80 }), work("png")],
      [4, undefined],
    ],
    [
      "all frames of an animation count",
      imageOf(300, 200, { format: "gif", frames: 700 }),
      [work("gif", { width: 300 }, { isAnimated: true })],
      [4],
    ],
  ])("%s", (_what, image, works, efforts) => expect(effortsOf(image, works, none)).toEqual(efforts));

  it.each<[string, Image, Work[], Image?]>([
    ["ten of the largest in AVIF", largest, times(10, work("avif"))],
    ["ten of the largest, blurred and sharpened", largest, times(10, work("jpeg", { blur: 100, sharpen: 10 }))],
    [
      "a strip that is scaled to a thousand megapixels for its analysis",
      imageOf(66, 65_000),
      [
        work("jpeg", { width: 1_000, height: 1_000, crop: "entropy" }),
        work("jpeg", { width: 1_000, height: 1_000, crop: "attention" }),
      ],
    ],
    [
      "ten large watermarks",
      largest,
      times(10, work("jpeg", { width: 100, watermark: { artifact: "a" } })),
      imageOf(7_000, 7_000, { format: "avif" }),
    ],
  ])("is not enough for %s", (_what, image, works, mark) => {
    const marks = new Map(mark && [["a", mark]]);
    expect(() => effortsOf(image, works, marks)).toThrow(PermanentError);
    expect(() => effortsOf(image, works, marks)).toThrow(/s of one core, more than 60/);
  });

  it.each<[string, Work[]]>([
    ["one output in each format", [work("jpeg"), work("png"), work("webp")]],
    ["ten in JPEG", times(10, work("jpeg"))],
    [
      "one blurred, sharpened and analysed, in AVIF",
      [work("avif", { width: 7_000, height: 6_900, crop: "attention", blur: 100, sharpen: 10 })],
    ],
  ])("is enough for the largest source in %s", (_what, works) =>
    expect(() => effortsOf(largest, works, none)).not.toThrow(),
  );
});
