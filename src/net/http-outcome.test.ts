import { describe, expect, it } from "vitest";
import { jobErrors } from "../core/job-errors.ts";
import { PermanentError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import { assertSuccess, isSelfExplanatory, meaningOf } from "./http-outcome.ts";
import { NameRejected } from "./target.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const errors = jobErrors({ rejected: "final", unavailable: "retried", busy: "waits" });
const codes = { final: "rejected", retry: "unavailable", busy: "busy" } as const;

function thrownFor(status: number, retryAfter?: string, meaning?: "success" | "retry" | "final"): unknown {
  try {
    assertSuccess({ status, headers: { "retry-after": retryAfter } }, errors, {
      message: `HTTP ${status}`,
      codes,
      nowMs: NOW,
      ...(meaning && { meaning }),
    });
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

describe("what a status means", () => {
  it.each([
    [200, "success"],
    [299, "success"],
    [304, "final"],
    [404, "final"],
    [408, "retry"],
    [425, "retry"],
    [429, "retry"],
    [500, "retry"],
    [503, "retry"],
  ])("%i: %s", (status, meaning) => {
    expect(meaningOf(status)).toBe(meaning);
  });
});

describe("the error of a response", () => {
  it("is none for a success", () => {
    expect(thrownFor(204)).toBeUndefined();
    expect(thrownFor(409, undefined, "success")).toBeUndefined();
  });

  it("is permanent for a final status", () => {
    expect(thrownFor(410)).toBeInstanceOf(PermanentError);
    expect(thrownFor(410)).toMatchObject({ code: "rejected", message: "HTTP 410" });
    expect(thrownFor(500, "5", "final")).toMatchObject({ name: "PermanentError", code: "rejected" });
  });

  it.each([
    ["7", 7_000],
    ["Sat, 31 Jan 2026 12:00:30 GMT", 30_000],
    [undefined, 60_000],
    ["soon", 60_000],
  ])("waits as a 429 asks: Retry-After %s", (header, retryAfterMs) => {
    expect(thrownFor(429, header)).toBeInstanceOf(RetryAfterError);
    expect(thrownFor(429, header)).toMatchObject({ code: "busy", retryAfterMs });
  });

  it.each([
    [503, "7", 7_000],
    [408, "3", 3_000],
    [503, undefined, 0],
  ])("is retried after a %i, no earlier than Retry-After %s", (status, header, atLeastMs) => {
    expect(thrownFor(status, header)).toBeInstanceOf(RetryableError);
    expect(thrownFor(status, header)).toMatchObject({ code: "unavailable", atLeastMs });
  });
});

describe("an error of fetch", () => {
  it.each<[Error, boolean]>([
    [new PermanentError("no", { code: "too_large" }), true],
    [new RetryAfterError("later", 1), true],
    [new NameRejected("example.com"), true],
    [new RetryableError("broken", { code: "encoding_invalid" }), true],
    [new RetryableError("late", { code: "timeout" }), false],
    [Object.assign(new Error("reset"), { code: "ECONNRESET" }), false],
  ])("explains itself, or means that the host did not respond: %s", (thrown, expected) => {
    expect(isSelfExplanatory(thrown)).toBe(expected);
  });
});
