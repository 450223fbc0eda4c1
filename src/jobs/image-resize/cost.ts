/**
 * What an image may take of one core, so that no job runs into its attempt's timeout. Encoders that can spend much on
 * little (AVIF, palettes) do so for small outputs, and for large ones as much as leaves the job within its budget; a
 * job that does not fit even then is refused before anything is decoded.
 */
import { imageError } from "./error-codes.ts";
import type { Image } from "./image.ts";
import { outputSize, scaledSize } from "./output-size.ts";
import type { OutputFormat, Variant } from "./variant.ts";

/**
 * Seconds, as measured below: half of an attempt's 120, for slower machines, a source that has to be fetched, and the
 * start of the process.
 */
const BUDGET_SECONDS = 60;

/** An encoder's `effort`, where it is said, and its seconds for a megapixel. */
interface Level {
  readonly effort?: number;
  readonly seconds: number;
}

/**
 * From the default downwards. CPU seconds for a megapixel of noise with alpha, the worst content there is (sharp 0.35
 * on a core of a cloud server): photos take a third of it and less.
 */
const LEVELS: Readonly<Record<OutputFormat | "palette", readonly [Level, ...Level[]]>> = {
  jpeg: [{ seconds: 0.04 }],
  png: [{ seconds: 0.08 }],
  webp: [{ seconds: 0.25 }, { effort: 0, seconds: 0.13 }],
  palette: [{ seconds: 3.4 }, { effort: 4, seconds: 0.6 }, { effort: 1, seconds: 0.4 }],
  gif: [{ seconds: 3.3 }, { effort: 4, seconds: 0.7 }, { effort: 1, seconds: 0.5 }],
  avif: [{ seconds: 10.8 }, { effort: 2, seconds: 1.2 }, { effort: 0, seconds: 0.5 }],
};
/** For a megapixel, measured as those above. */
const DECODE_SECONDS = { avif: 0.23, other: 0.05 } as const;
const RESIZE_SECONDS = 0.05;
const BLUR_SECONDS = 0.2;
const SHARPEN_SECONDS = 0.35;
const LAYER_SECONDS = 0.15;
/** Of what `attention` and `entropy` look at: the whole image as it is scaled, before it is cropped. */
const LOOK_SECONDS = 0.06;

/** An output, as far as it decides what it costs. */
export interface Work {
  readonly variant: Variant;
  readonly format: OutputFormat;
  readonly isAnimated: boolean;
}

/**
 * How much effort each output's encoder may spend; undefined for its default.
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
    const [dearest] = outputs
      .filter(({ levels, at }) => at + 1 < levels.length)
      .sort((a, b) => secondsOf(b) - secondsOf(a));
    if (dearest === undefined) {
      const message = `the outputs may take ${Math.ceil(total)} s of one core, more than ${BUDGET_SECONDS}: ask for fewer, smaller or simpler ones`;
      throw imageError.permanent("image_too_large", message);
    }
    dearest.at += 1;
  }
}

function levelsOf({ variant: { quality }, format }: Work): readonly Level[] {
  return LEVELS[format === "png" && quality !== undefined ? "palette" : format];
}

/** Of an output, all its frames. */
function megapixelsOf(image: Image, { variant, isAnimated }: Work): number {
  const { width, height } = outputSize(image.size, variant);
  return (width * height * (isAnimated ? image.frames : 1)) / 1e6;
}

/** Still outputs share one decoding, and animated ones another. */
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

/** What lies between decoding and encoding. */
function renderSeconds(image: Image, work: Work, watermarks: ReadonlyMap<string, Image>): number {
  const { blur, sharpen, crop, watermark } = work.variant;
  const perMegapixel =
    RESIZE_SECONDS +
    (blur === undefined ? 0 : BLUR_SECONDS) +
    (sharpen === undefined ? 0 : SHARPEN_SECONDS) +
    (watermark ? LAYER_SECONDS : 0);
  const mark = watermark && watermarks.get(watermark.artifact);
  const looks = crop === "attention" || crop === "entropy";
  const scaled = scaledSize(image.size, work.variant);
  return (
    megapixelsOf(image, work) * perMegapixel +
    (mark ? decodeOnceSeconds(mark) : 0) +
    (looks ? ((scaled.width * scaled.height) / 1e6) * LOOK_SECONDS : 0)
  );
}
