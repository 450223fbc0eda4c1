/** The names of schedules. */

const NAME = /^(?!preview$)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;

/** `preview` is the path of a call, so it cannot be a name. */
export const SCHEDULE_NAME_PATTERN = NAME.source;

export const SCHEDULE_NAME_RULE =
  "expected 1 to 128 letters, digits, `_`, `.`, `:` or `-`, the first one a letter, digit or `_`; not `preview`";

export function isScheduleName(name: string): boolean {
  return NAME.test(name);
}
