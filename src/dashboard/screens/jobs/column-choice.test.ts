import { describe, expect, it } from "vitest";
import {
  columnsText,
  DEFAULT_CHOICE,
  payloadText,
  readColumns,
  rememberColumns,
  rememberedColumns,
} from "./column-choice.ts";

describe("the choice of columns", () => {
  it("is read back from its text", () => {
    for (const paths of [[], ["order.id"], ["a,b", "50%", "%2C"]]) {
      const choice = { names: ["id", "status"] as const, paths };
      expect(readColumns(columnsText(choice))).toEqual(choice);
    }
  });

  it("has no text for the columns that are shown without a choice", () => {
    expect(columnsText(DEFAULT_CHOICE)).toBeNull();
    expect(readColumns(null)).toBeUndefined();
    expect(readColumns("")).toBeUndefined();
  });

  it("ignores names and paths that do not exist, and always has the id", () => {
    expect(readColumns("nothing,status,payload.,payload.a..b,payload.x,payload.x")).toEqual({
      names: ["id", "status"],
      paths: ["x"],
    });
  });

  it("is remembered for each type", () => {
    const choice = { names: ["id"] as const, paths: ["to"] };
    rememberColumns("email", choice);
    expect(rememberedColumns("email")).toEqual(choice);
    expect(rememberedColumns("webhook")).toBeUndefined();
    rememberColumns("email", DEFAULT_CHOICE);
    expect(rememberedColumns("email")).toBeUndefined();
  });

  it("shows values of payloads", () => {
    const payload = { order: { id: "12345678901234567890", lines: [{ sku: 7 }] }, none: null };
    expect(payloadText(payload, "order.id")).toBe("12345678901234567890");
    expect(payloadText(payload, "order.lines.0.sku")).toBe("7");
    expect(payloadText(payload, "order.lines")).toBe('[{"sku":7}]');
    expect(payloadText(payload, "none")).toBe("null");
    expect(payloadText(payload, "none.more")).toBeUndefined();
    expect(payloadText(payload, "toString")).toBeUndefined();
    expect(payloadText(null, "a")).toBeUndefined();
  });
});
