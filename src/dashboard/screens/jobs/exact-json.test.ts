import { expect, it } from "vitest";
import { exactJson } from "./exact-json.ts";

it("keeps all digits of numbers", () => {
  const text =
    '{"id": 12345678901234567890, "price": 1.50, "n": 42, "s": "98765432109876543210 \\" 1.0", "e": [1e400]}';
  expect(exactJson.parse(text)).toEqual({
    id: "12345678901234567890",
    price: "1.50",
    n: 42,
    s: '98765432109876543210 " 1.0',
    e: ["1e400"],
  });
});
