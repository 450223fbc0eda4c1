/** What an error of Postgres asks for (PostgreSQL manual, Appendix A: error codes). */
import { codeOf } from "../errors.ts";

/**
 * - duplicate: the table has a row of the batch already (or the batch has it twice)
 * - no_partition: no partition takes the row
 * - conflict: another transaction was in the way; the same again will do
 * - bad_row: a value that the table cannot hold
 * - away: anything else; Postgres is away, or not as it must be, and no other batch would fare better
 */
export type PostgresFailure = "duplicate" | "no_partition" | "conflict" | "bad_row" | "away";

const FAILURE_OF: Readonly<Record<string, PostgresFailure>> = {
  "23505": "duplicate",
  "23514": "no_partition",
  "23502": "bad_row", // null in a column that holds none
  "40P01": "conflict",
  "40001": "conflict",
};

export function failureOf(error: unknown): PostgresFailure {
  const code = codeOf(error) ?? "";
  // Thrown by the encoder: a time that is none, or what is no text; a TypeError of Node's own has a code.
  if (error instanceof RangeError || (error instanceof TypeError && code === "")) return "bad_row";
  // Class 22: data exception; 54: JSON nested too deep, and its like. Codes of Node's own (EPIPE) are longer or
  // letters.
  return FAILURE_OF[code] ?? (/^(?:22|54)[0-9A-Z]{3}$/.test(code) ? "bad_row" : "away");
}

/** Whether a read failed because Postgres is unavailable, rather than because of the query itself. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  // 08 connection · 28 authorization · 3D no such database · 53 resources · 55 not in that state · 57 operator
  // intervention · 58 system
  return !/^[0-9A-Z]{5}$/.test(code) || /^EPIPE$|^(?:08|28|3D|53|55|57|58)/.test(code);
}
