import { expect, it } from "vitest";
import { hasScope, parseApiKeys } from "./api-key.ts";

const HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

it("reads the keys of a setting", () => {
  expect(parseApiKeys(`ci:submit+read:${HASH}:rate=5/2s, ops:admin:${HASH.replace("9", "a").toUpperCase()}`)).toEqual([
    { id: HASH.slice(0, 16), name: "ci", hash: HASH, scopes: ["submit", "read"], rate: { quota: 5, windowMs: 2_000 } },
    { id: `a${HASH.slice(1, 16)}`, name: "ops", hash: `a${HASH.slice(1)}`, scopes: ["admin"] },
  ]);
  expect(parseApiKeys("")).toEqual([]);
});

it.each([
  `ci:submit`,
  `ci:root:${HASH}`,
  `ci:submit:abc`,
  `:read:${HASH}`,
  `a:read:${HASH},b:read:${HASH}`,
  `a:read:${HASH}:rate=0/s`,
  `a:read:${HASH}:speed=1/s`,
])("%s is none", (text) => {
  expect(parseApiKeys(text)).toBeUndefined();
});

it("admin includes the other scopes", () => {
  expect([
    hasScope({ scopes: ["admin"] }, "submit"),
    hasScope({ scopes: ["read"] }, "submit"),
    hasScope({ scopes: ["read"] }, "read"),
  ]).toEqual([true, false, true]);
});
