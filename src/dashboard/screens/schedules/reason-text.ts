/** The reasons of outcomes in words, by their codes. */
const REASONS: Readonly<Record<string, string>> = {
  overlap: "The job of the tick before had not finished.",
  catch_up_none: "Its time had passed, and the schedule makes up no ticks.",
  catch_up_last: "Its time had passed, and only the last tick is made up.",
  too_old: "Its time had passed too long ago to be made up.",
  more_than_max: "More ticks had passed than the schedule makes up.",
  invalid_job: "Its job was not valid: the log of the server has the reason.",
  paused: "The schedule was paused.",
};

/** A code that this page does not know is shown as it is; "" for null. */
export function reasonText(reason: string | null): string {
  if (reason === null) return "";
  return Object.hasOwn(REASONS, reason) ? (REASONS[reason] ?? reason) : reason;
}
