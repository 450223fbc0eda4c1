import { expect, it } from "vitest";
import { textAt } from "./json-path.ts";

const JSON_TEXT =
  '{"id":12345678901234567890.10,"order":{"id":"a\\u00e9","items":[1,{"sku":"x"},null]},"a.b":true,"id2":1,"id2":2}';

it.each([
  [["id"], "12345678901234567890.10"],
  [["order", "id"], "aé"],
  [["order", "items", "1", "sku"], "x"],
  [["order", "items", "1"], '{"sku":"x"}'],
  [["order", "items", "2"], undefined],
  [["order", "items", "7"], undefined],
  [["order", "items", "sku"], undefined],
  [["a.b"], "true"],
  [["id2"], "2"],
  [["id", "x"], undefined],
  [["constructor"], undefined],
] as const)("reads %j", (path, expected) => {
  expect(textAt(JSON_TEXT, path)).toBe(expected);
});
