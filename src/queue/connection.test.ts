import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import { expect, it } from "vitest";
import "./connection.ts";

it("keeps string methods fast, whatever ioredis does with String.prototype", () => {
  setFlagsFromString("--allow-natives-syntax");
  try {
    expect(runInThisContext("%HasFastProperties(String.prototype)")).toBe(true);
  } finally {
    setFlagsFromString("--no-allow-natives-syntax");
  }
});
