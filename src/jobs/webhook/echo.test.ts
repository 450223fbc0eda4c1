import { expect, it } from "vitest";
import { withoutEchoes } from "./echo.ts";

const clean = (text: string, url: string, headers = {}): string =>
  withoutEchoes(Buffer.from(text), url, headers, []).toString();

it.each([
  [
    "a query value",
    "https://a.example/a?token=AbCdEf0123456789",
    "Cannot POST /a?token=AbCdEf0123456789",
    "Cannot POST /a?token=[redacted]",
  ],
  [
    "a query value, decoded",
    "https://a.example/a?token=AbCd%2FEf0123456789",
    "no AbCd/Ef0123456789 here",
    "no [redacted] here",
  ],
  [
    "a key in the path",
    "https://a.example/hook/XXXXabcd1234efgh5678IJKL",
    "Cannot POST /hook/XXXXabcd1234efgh5678IJKL",
    "Cannot POST /hook/[redacted]",
  ],
  ["nothing of a harmless URL", "https://a.example/orders?page=12345678", "no page 12345678", "no page 12345678"],
])("a response is shown without %s of its URL", (_what, url, answer, expected) => {
  expect(clean(answer, url)).toBe(expected);
});
