import { describe, expect, it } from "vitest";
import { failureOf, isUnavailable, type PostgresFailure } from "./failure.ts";

const withCode = (code: string): Error => Object.assign(new Error("refused"), { code });

describe("an error of Postgres", () => {
  it.each<[string, PostgresFailure, boolean]>([
    ["23505", "duplicate", false],
    ["23514", "no_partition", false],
    ["23502", "bad_row", false],
    ["40P01", "conflict", false],
    ["40001", "conflict", false],
    ["22P05", "bad_row", false],
    ["22021", "bad_row", false],
    ["54001", "bad_row", false],
    ["42P01", "away", false],
    ["57P01", "away", true],
    ["57014", "away", true],
    ["53300", "away", true],
    ["08006", "away", true],
    ["ECONNREFUSED", "away", true],
    ["EPIPE", "away", true],
  ])("%s: a batch meets %s; a read is unavailable: %s", (code, issue, unavailable) => {
    expect(failureOf(withCode(code))).toBe(issue);
    expect(isUnavailable(withCode(code))).toBe(unavailable);
  });

  it("of the encoder is one of the row; a TypeError of Node's own is not", () => {
    expect([failureOf(new RangeError("no time")), failureOf(new TypeError("text.replace is not a function"))]).toEqual([
      "bad_row",
      "bad_row",
    ]);
    expect(failureOf(Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL" }))).toBe("away");
  });

  it("without a code is a lost connection", () => {
    expect(failureOf(new Error("Connection terminated unexpectedly"))).toBe("away");
    expect(isUnavailable(new Error("Connection terminated unexpectedly"))).toBe(true);
  });
});
