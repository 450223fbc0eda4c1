/**
 * Estimates the CPU time of an image, so that no job exceeds its attempt's timeout. Slow encoders (AVIF, palettes) use
 * their default effort for small outputs, and less effort for large ones until the job fits into its budget. A job that
 * does not fit even with the least effort is rejected before anything is decoded.
 */
import { imageError } from "./error-codes.ts";
import type { Image } from "./image.ts";
import { outputSize, scaledSize } from "./output-size.ts";
import type { OutputFormat, Variant } from "./variant.ts";

/**
 * Seconds: half of an attempt's 120 s. The rest is for slower machines, fetching the source, and starting the process.
 */
const BUDGET_SECONDS = 60;

/** A value of an encoder's `effort` (undefined: its default), and its seconds for a megapixel. */
interface Level {
  readonly effort?: number;
  readonly seconds: number;
}

/**
 * From the default effort downwards, in CPU seconds for a megapixel of noise with alpha, the most expensive content
 * (sharp 0.35 on a core of a cloud server). Photos take at most a third of that.
 */
const LEVELS: Readonly<Record<OutputFormat | "palette", readonly [Level, ...Level[]]>> = {
  jpeg: [{ seconds: 0.04 }],
  png: [{ seconds: 0.08 }],
  webp: [{ seconds: 0.25 }, { effort: 0, seconds: 0.13 }],
  palette: [{ seconds: 3.4 }, { effort: 4, seconds: 0.6 }, { effort: 1, seconds: 0.4 }],
  gif: [{ seconds: 3.3 }, { effort: 4, seconds: 0.7 }, { effort: 1, seconds: 0.5 }],
  avif: [{ seconds: 10.8 }, { effort: 2, seconds: 1.2 }, { effort: 0, seconds: 0.5 }],
};
/** For a megapixel, measured in the same way. */
const DECODE_SECONDS = { avif: 0.23, other: 0.05 } as const;
const RESIZE_SECONDS = 0.05;
const BLUR_SECONDS = 0.2;
const SHARPEN_SECONDS = 0.35;
const LAYER_SECONDS = 0.15;
/** For `attention` and `entropy`, which analyse the whole scaled image before it is cropped. */
const ANALYSIS_SECONDS = 0.06;

/** The properties of an output that decide its cost. */
export interface Work {
  readonly variant: Variant;
  readonly format: OutputFormat;
  readonly isAnimated: boolean;
}

/**
 * The effort that each output's encoder may use; undefined for the encoder's default.
 * @param watermarks by their reference
 * @throws {PermanentError} `image_too_large`
 */
export function effortsOf(
  image: Image,
  works: readonly Work[],
  watermarks: ReadonlyMap<string, Image>,
): (number | undefined)[] {
  const outputs = works.map((work) => ({ pixels: megapixelsOf(image, work), levels: levelsOf(work), at: 0 }));
  const secondsOf = ({ pixels, levels, at }: (typeof outputs)[number]): number => pixels * (levels[at]?.seconds ?? 0);
  const fixed =
    decodeSeconds(image, works) + works.reduce((sum, work) => sum + renderSeconds(image, work, watermarks), 0);
  for (;;) {
    const total = outputs.reduce((sum, output) => sum + secondsOf(output), fixed);
    if (total <= BUDGET_SECONDS) return outputs.map(({ levels, at }) => levels[at]?.effort);
    const [costliest] = outputs
      .filter(({ levels, at }) => at + 1 < levels.length)
      .sort((a, b) => secondsOf(b) - secondsOf(a));
    if (costliest === undefined) {
      const message = `the outputs may take ${Math.ceil(total)} s of one core, more than ${BUDGET_SECONDS}: ask for fewer, smaller or simpler ones`;
      throw imageError.permanent("image_too_large", message);
    }
    costliest.at += 1;
  }
}

function levelsOf({ variant: { quality }, format }: Work): readonly Level[] {
  return LEVELS[format === "png" && quality !== undefined ? "palette" : format];
}

/** The pixels of all frames of an output. */
function megapixelsOf(image: Image, { variant, isAnimated }: Work): number {
  const { width, height } = outputSize(image.size, variant);
  return (width * height * (isAnimated ? image.frames : 1)) / 1e6;
}

/** Still outputs share one decoding, and animated outputs share another. */
function decodeSeconds(image: Image, works: readonly Work[]): number {
  const moving = works.filter(({ isAnimated }) => isAnimated).length;
  const frames = (moving > 0 ? image.frames : 0) + (moving < works.length ? 1 : 0);
  return frames * decodeOnceSeconds(image);
}

function decodeOnceSeconds({ size, format }: Image): number {
  return (
    ((size.width * size.height) / 1e6) *
    (format === "avif" || format === "heic" ? DECODE_SECONDS.avif : DECODE_SECONDS.other)
  );
}

/** The time between decoding and encoding. */
function renderSeconds(image: Image, work: Work, watermarks: ReadonlyMap<string, Image>): number {
  const { blur, sharpen, crop, watermark } = work.variant;
  const perMegapixel =
    RESIZE_SECONDS +
    (blur === undefined ? 0 : BLUR_SECONDS) +
    (sharpen === undefined ? 0 : SHARPEN_SECONDS) +
    (watermark ? LAYER_SECONDS : 0);
  const layer = watermark && watermarks.get(watermark.artifact);
  const isAnalysed = crop === "attention" || crop === "entropy";
  const scaled = scaledSize(image.size, work.variant);
  return (
    megapixelsOf(image, work) * perMegapixel +
    (layer ? decodeOnceSeconds(layer) : 0) +
    (isAnalysed ? ((scaled.width * scaled.height) / 1e6) * ANALYSIS_SECONDS : 0)
  );
}
