/** Names of sheets, by Excel's rules. */
const MAX_LENGTH = 31;
/** Excel reserves this name. */
const RESERVED = "history";

/** The pattern of a payload's schema: none of `\ / ? * [ ] :`, no control character, and no apostrophe at an end. */
export const SHEET_NAME = String.raw`^(?!')[^\\/?*\[\]:\u0000-\u001F\u007F\uFFFE\uFFFF]+(?<!')$`;

/** @returns why Excel would reject a name that the schema allows; undefined if Excel accepts it */
export function issueOfSheetName(name: string): string | undefined {
  if (name.length > MAX_LENGTH) return `has ${name.length} characters in UTF-16; Excel takes ${MAX_LENGTH}`;
  if (/\p{Surrogate}/u.test(name)) return "has half of a character";
  if (name.toLowerCase() === RESERVED) return "is a name that Excel reserves";
  return name.trim() === "" ? "has spaces alone" : undefined;
}

/** The names of the sheets of a workbook: `Sheet1`, `Sheet2`, …; or the given name, then `name (2)` and so on. */
export function sheetNames(name: string | undefined, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    if (name === undefined) return `Sheet${index + 1}`;
    const suffix = index === 0 ? "" : ` (${index + 1})`;
    return name.slice(0, MAX_LENGTH - suffix.length).replace(/[\uD800-\uDBFF]$/, "") + suffix;
  });
}
