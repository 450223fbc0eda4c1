/** Classifies an error of Postgres by the reaction that it requires (PostgreSQL manual, Appendix A: error codes). */
import { codeOf } from "../errors.ts";

/**
 * - duplicate: the table has a row of the batch already (or the batch has it twice)
 * - no_partition: no partition takes the row
 * - conflict: another transaction interfered; a retry of the same batch succeeds
 * - bad_row: the table cannot store a value
 * - away: anything else; Postgres is unavailable or misconfigured, and any other batch would fail, too
 */
export type PostgresFailure = "duplicate" | "no_partition" | "conflict" | "bad_row" | "away";

const FAILURE_OF: Readonly<Record<string, PostgresFailure>> = {
  "23505": "duplicate",
  "23514": "no_partition",
  "23502": "bad_row", // null in a column that is not nullable
  "40P01": "conflict",
  "40001": "conflict",
};

export function failureOf(error: unknown): PostgresFailure {
  const code = codeOf(error) ?? "";
  // The encoder throws these for an invalid time, or a value that is no string; Node's own TypeErrors have a code.
  if (error instanceof RangeError || (error instanceof TypeError && code === "")) return "bad_row";
  // Class 22: data exception; 54: a limit, such as the depth of JSON. Node's own codes (EPIPE) have another form.
  return FAILURE_OF[code] ?? (/^(?:22|54)[0-9A-Z]{3}$/.test(code) ? "bad_row" : "away");
}

/** Whether a read failed because Postgres is unavailable, rather than because of the query itself. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  // 08 connection · 28 authorization · 3D no such database · 53 resources · 55 not in that state · 57 operator
  // intervention · 58 system
  return !/^[0-9A-Z]{5}$/.test(code) || /^EPIPE$|^(?:08|28|3D|53|55|57|58)/.test(code);
}
