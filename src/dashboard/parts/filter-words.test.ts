import { describe, expect, it } from "vitest";
import { readFilterText } from "../../client/filter-text.ts";
import { filterWord, hasOnly, valuesIn, withFilter } from "./filter-words.ts";

describe("words of a filter text", () => {
  it.each(["plain", "two words", "a,b", 'say "hi"', "back\\slash", 'both \\ and "', "a:b", " ", "tab\there"])(
    "are read back as the value %j",
    (value) => {
      const text = filterWord("tag", [value, "second"]);
      expect(readFilterText(text, 0)).toEqual({ filters: { tag: [value, "second"] } });
    },
  );

  it("replaces all words of a key and keeps the others as they were typed", () => {
    const text = 'status:failed  tag:"a b" status:queued some words';
    expect(withFilter(text, "status", ["running"])).toBe('tag:"a b" some words status:running');
    expect(withFilter(text, "status", [])).toBe('tag:"a b" some words');
    expect(withFilter("", "status", ["failed", "cancelled"])).toBe("status:failed,cancelled");
  });

  it("finds the values of a key in all of its words", () => {
    expect(valuesIn('type:a,b status:failed type:"c d" type', "type")).toEqual(["a", "b", "c d"]);
  });

  it("knows whether a text has other filters", () => {
    expect(hasOnly("type:email status:failed", ["type", "status"])).toBe(true);
    expect(hasOnly("type:email tag:x", ["type", "status"])).toBe(false);
    expect(hasOnly("type:email words", ["type", "status"])).toBe(false);
    expect(hasOnly("", ["type"])).toBe(true);
  });
});
