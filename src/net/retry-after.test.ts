import { expect, it } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const now = Date.UTC(1994, 10, 6, 8, 49, 7); // half a minute before the example of RFC 9110, 5.6.7

it.each([
  ["120", 120_000],
  [" 0 ", 1_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 30_000],
  ["Sun Nov  6 08:49:37 1994", 30_000],
  ["Sun, 06 Nov 1994 08:49:00 GMT", 1_000],
  ["99999999999999999999", 86_400_000],
  ["-5", undefined],
  ["1.5", undefined],
  ["Soon", undefined],
  ["", undefined],
  [undefined, undefined],
])("reads Retry-After %j as %j ms", (value, expected) => {
  expect(retryAfterMs(value, now)).toBe(expected);
});
