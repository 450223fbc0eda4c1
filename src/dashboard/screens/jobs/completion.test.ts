import { describe, expect, it } from "vitest";
import { pathsOf, suggestionsAt } from "./completion.ts";

const known = { status: ["queued", "failed", "cancelled"], type: ["email", "data_export"], tag: ["two words", "news"] };
const shown = (text: string, caret = text.length): string[] =>
  suggestionsAt(text, caret, known, ["order.id"]).map((each) => each.shown);
const texts = (text: string, caret = text.length): string[] =>
  suggestionsAt(text, caret, known, ["order.id"]).map((each) => each.text);

describe("the completion of a filter text", () => {
  it("offers keys where a word begins", () => {
    expect(shown("")).toContain("status:");
    expect(shown("type:email ")).toContain("tag:");
    expect(shown("st")).toEqual(["status:"]);
    expect(texts("type:email st")).toEqual(["type:email status:"]);
    expect(shown("pay")).toEqual(["payload.order.id:"]);
    expect(shown("nothing")).toEqual([]);
    expect(shown('"st')).toEqual([]);
  });

  it("offers values after a key, first those that begin with what was typed", () => {
    expect(shown("status:")).toEqual(["queued", "failed", "cancelled"]);
    expect(shown("status:e")).toEqual(["queued", "failed", "cancelled"]);
    expect(shown("type:e")).toEqual(["email", "data_export"]);
    expect(shown("since:")).toContain("24h");
    expect(shown("unknown:")).toEqual([]);
  });

  it("completes the last of several values, without those that are given", () => {
    expect(texts("status:failed,ca")).toEqual(["status:failed,cancelled"]);
    expect(shown("status:failed,")).toEqual(["queued", "cancelled"]);
  });

  it("quotes values with spaces", () => {
    expect(texts("tag:two")).toEqual(['tag:"two words"']);
    expect(texts('tag:"two w')).toEqual(['tag:"two words"']);
  });

  it("completes the word at the caret and keeps the text behind it", () => {
    const [first] = suggestionsAt("status:fa type:email", 9, known);
    expect(first).toMatchObject({ text: "status:failed type:email", caret: 13, isComplete: true });
  });

  it("finds the paths of a schema", () => {
    const schema = { properties: { to: {}, order: { properties: { id: {}, "a.b": {} } } } };
    expect(pathsOf(schema)).toEqual(["to", "order", "order.id"]);
    expect(pathsOf(null)).toEqual([]);
    expect(pathsOf({ properties: [] })).toEqual([]);
  });
});
