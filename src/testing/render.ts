/** Renders images in the process of a test, without an image process. */
import { DEFAULT_MAX_PIXELS, type ReadOptions } from "../jobs/image-resize/decoding.ts";
import { type Image, openImage, prepareSharp } from "../jobs/image-resize/image.ts";
import { type RenderedVariant, renderVariants } from "../jobs/image-resize/render.ts";
import type { Variant } from "../jobs/image-resize/variant.ts";

prepareSharp();

/** The reference of the one watermark that a test gives. */
export const MARK = "01890a5d-ac96-7000-bdef-b302099a8058/mark.png";

const OPTIONS: ReadOptions = { maxPixels: DEFAULT_MAX_PIXELS, onError: "fail" };

export async function render(
  source: Buffer,
  variants: readonly Variant[],
  mark?: Buffer,
  options: Partial<ReadOptions> = {},
): Promise<RenderedVariant[]> {
  const read = { ...OPTIONS, ...options };
  const watermarks = new Map<string, Image>(mark && [[MARK, await openImage(mark, read)]]);
  const rendered = [];
  for await (const each of renderVariants(await openImage(source, read), variants, watermarks)) rendered.push(each);
  return rendered;
}

export async function renderOne(
  source: Buffer,
  variant: Variant,
  mark?: Buffer,
  options?: Partial<ReadOptions>,
): Promise<RenderedVariant> {
  const [one] = await render(source, [variant], mark, options);
  if (one === undefined) throw new Error("nothing was rendered");
  return one;
}
