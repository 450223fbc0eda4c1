import type { PayloadIssue } from "../../core/job-type.ts";
import { sizeIssue } from "./output-size.ts";
import { holdsFrames, type Variant } from "./variant.ts";

/**
 * The issues that a schema cannot express; `path` is the variant's position in the payload (empty for the top level).
 */
export function variantIssues(variant: Variant, path: string): PayloadIssue[] {
  const { width, height, format } = variant;
  const issues: [field: keyof Variant, message: string | undefined][] = [
    ...cropIssues(variant),
    ...animationIssues(variant),
  ];
  if (format === "gif" && variant.quality !== undefined) issues.push(["quality", "gif has no quality"]);
  if (width === undefined && height === undefined && !changesMore(variant))
    issues.push(["width", "give at least one of width, height and format"]);
  return issues.flatMap(([field, message]) => (message === undefined ? [] : [{ path: `${path}/${field}`, message }]));
}

/**
 * Issues with a variant's size that no source can avoid. Sizes that depend on the source are checked when it is opened.
 */
export function variantSizeIssues(
  { width = 1, height = 1, fit, format, without_enlargement: keepsSmall }: Variant,
  path: string,
  maxPixels: number,
): PayloadIssue[] {
  // `inside` may produce less than the box, and so may a small source that is not enlarged
  const isAtMost = fit === "inside" || (keepsSmall === true && fit !== "contain");
  const message = isAtMost ? undefined : sizeIssue({ width, height }, format, maxPixels);
  return message === undefined ? [] : [{ path: `${path}/width`, message }];
}

/** Whether a variant without a size asks for any other change. */
function changesMore({ format, blur, sharpen, watermark, background, quality }: Variant): boolean {
  return [format, blur, sharpen, watermark, background, quality].some((field) => field !== undefined);
}

function cropIssues({ width, height, fit = "cover", crop, focus }: Variant): [keyof Variant, string][] {
  const crops = width !== undefined && height !== undefined && fit === "cover";
  const issues: [keyof Variant, string][] = [];
  if (crop !== undefined && !crops) issues.push(["crop", "needs width, height and fit cover"]);
  if (focus !== undefined && !crops) issues.push(["focus", "needs width, height and fit cover"]);
  if (focus !== undefined && crop !== undefined) issues.push(["focus", "must not be given together with crop"]);
  return issues;
}

function animationIssues({ animated, format, crop, watermark }: Variant): [keyof Variant, string][] {
  if (animated !== true) return [];
  const issues: [keyof Variant, string][] = [];
  if (format !== undefined && !holdsFrames(format))
    issues.push(["animated", `${format} has a single frame: use gif or webp`]);
  if (crop === "attention" || crop === "entropy")
    issues.push(["crop", `${crop} analyses a single frame: it must not be given together with animated`]);
  if (watermark !== undefined) issues.push(["watermark", "must not be given together with animated"]);
  return issues;
}
