/** The names of schedules, as the server checks them. */
const NAME = /^(?!preview$)[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$/;

export const NAME_RULE = "Up to 128 letters, digits and any of `_` `.` `:` `-`.";

export function isName(text: string): boolean {
  return NAME.test(text);
}
