import { expect, it } from "vitest";
import { retryDelayMs } from "./retry-delay.ts";
import { TaskFlowError } from "./taskflow-error.ts";

it.each([
  ["unreachable", 0, 250, undefined],
  ["rate_limited", 429, 250, 250],
  ["http_429", 429, 250, undefined],
  ["queue_unavailable", 503, 250, 250],
  ["outcome_unknown", 503, 250, undefined],
  ["http_502", 502, 250, undefined],
  ["http_503", 503, 250, undefined],
  ["http_504", 504, 250, undefined],
  ["internal_error", 500, undefined, undefined],
  ["validation_failed", 422, undefined, undefined],
  ["key_missing", 401, undefined, undefined],
])("after %s (%s) repeats a repeatable call after %s ms, any other after %s", (code, status, repeatable, other) => {
  const error = new TaskFlowError(code, status, "");
  expect(retryDelayMs(error, 0, { isRepeatable: true }, 1)).toBe(repeatable);
  expect(retryDelayMs(error, 0, { isRepeatable: false }, 1)).toBe(other);
});

it("doubles up to ten seconds, half of which is random", () => {
  const error = new TaskFlowError("unreachable", 0, "");
  expect([0, 1, 2, 3, 10].map((attempt) => retryDelayMs(error, attempt, { isRepeatable: true }, 1))).toEqual([
    250, 500, 1_000, 2_000, 10_000,
  ]);
  expect(retryDelayMs(error, 3, { isRepeatable: true }, 0)).toBe(1_000);
});

it("is at least the server's Retry-After; undefined if that is more than a minute", () => {
  const delay = (retryAfterMs: number) =>
    retryDelayMs(new TaskFlowError("rate_limited", 429, "", { retryAfterMs }), 0, { isRepeatable: true }, 0);
  expect(delay(2_000)).toBe(2_125);
  expect(delay(60_001)).toBeUndefined();
});
