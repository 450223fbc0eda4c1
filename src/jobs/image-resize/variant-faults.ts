import type { PayloadFault } from "../../core/job-type.ts";
import { sizeFault } from "./output-size.ts";
import { holdsFrames, type Variant } from "./variant.ts";

/** What a schema cannot say about a variant; `path` is where it stands in the payload (empty for its top). */
export function variantFaults(variant: Variant, path: string): PayloadFault[] {
  const { width, height, format } = variant;
  const faults: [field: keyof Variant, message: string | undefined][] = [
    ...cropFaults(variant),
    ...animationFaults(variant),
  ];
  if (format === "gif" && variant.quality !== undefined) faults.push(["quality", "gif has no quality"]);
  if (width === undefined && height === undefined && !changesMore(variant))
    faults.push(["width", "give at least one of width, height and format"]);
  return faults.flatMap(([field, message]) => (message === undefined ? [] : [{ path: `${path}/${field}`, message }]));
}

/** Why no source makes an output of a variant's size. What comes of one source is judged again when its size is known. */
export function variantSizeFaults(
  { width = 1, height = 1, fit, format, without_enlargement: keepsSmall }: Variant,
  path: string,
  maxPixels: number,
): PayloadFault[] {
  // `inside` may make less of a box, as may a small source that is not enlarged
  const isAtMost = fit === "inside" || (keepsSmall === true && fit !== "contain");
  const message = isAtMost ? undefined : sizeFault({ width, height }, format, maxPixels);
  return message === undefined ? [] : [{ path: `${path}/width`, message }];
}

/** Whether a variant that keeps the size asks for anything. */
function changesMore({ format, blur, sharpen, watermark, background, quality }: Variant): boolean {
  return [format, blur, sharpen, watermark, background, quality].some((field) => field !== undefined);
}

function cropFaults({ width, height, fit = "cover", crop, focus }: Variant): [keyof Variant, string][] {
  const crops = width !== undefined && height !== undefined && fit === "cover";
  const faults: [keyof Variant, string][] = [];
  if (crop !== undefined && !crops) faults.push(["crop", "needs width, height and fit cover"]);
  if (focus !== undefined && !crops) faults.push(["focus", "needs width, height and fit cover"]);
  if (focus !== undefined && crop !== undefined) faults.push(["focus", "must not be given beside crop"]);
  return faults;
}

function animationFaults({ animated, format, crop, watermark }: Variant): [keyof Variant, string][] {
  if (animated !== true) return [];
  const faults: [keyof Variant, string][] = [];
  if (format !== undefined && !holdsFrames(format))
    faults.push(["animated", `${format} holds one frame; gif and webp hold several`]);
  if (crop === "attention" || crop === "entropy")
    faults.push(["crop", `${crop} looks at one frame only, and must not be given with animated`]);
  if (watermark !== undefined) faults.push(["watermark", "must not be given with animated"]);
  return faults;
}
