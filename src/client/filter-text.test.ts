import { describe, expect, it } from "vitest";
import { FILTER_KEYS, readFilterText } from "./filter-text.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const read = (text: string) => readFilterText(text, NOW);
const messages = (text: string): string[] => {
  const result = read(text);
  return "issues" in result ? result.issues.map(({ message }) => message) : [];
};

describe("the text of a filter box", () => {
  it.each<[string, object]>([
    ["", {}],
    [" \t\n", {}],
    ["type:webhook", { type: ["webhook"] }],
    ["status:failed,retrying", { status: ["failed", "retrying"] }],
    ["tag:a tag:b", { tag: ["a", "b"] }],
    ['tag:"a,b",c', { tag: ["a,b", "c"] }],
    ['group:"Smith & Co" code:http_500', { groupKey: ["Smith & Co"], errorCode: ["http_500"] }],
    ["since:2h", { createdAfter: "2026-01-31T10:00:00.000Z" }],
    ["until:1d12h", { createdBefore: "2026-01-30T00:00:00.000Z" }],
    [
      "finished-since:2026-01-30 finished-until:2026-01-31T08:00:00+01:00",
      {
        finishedAfter: "2026-01-30T00:00:00.000Z",
        finishedBefore: "2026-01-31T07:00:00.000Z",
      },
    ],
    ["since:999999999d", { createdAfter: "1970-01-01T00:00:00.000Z" }],
    ["retry-of:01a20d6c-93af-7000-a9a7-589d23c44184", { retryOf: ["01a20d6c-93af-7000-a9a7-589d23c44184"] }],
    ["worker:aaaa0001,bbbb0002", { worker: ["aaaa0001", "bbbb0002"] }],
    ["payload.order.id:42", { payload: { "order.id": "42" } }],
    ['payload.name:"a \\"b\\" \\\\ c"', { payload: { name: 'a "b" \\ c' } }],
    ["payload.list:1,2", { payload: { list: "1,2" } }],
    ["payload.at:12:30", { payload: { at: "12:30" } }],
    ["two  words", { q: "two words" }],
    ['"two  words" status:failed more', { status: ["failed"], q: "two  words more" }],
    ['"http://example.com"', { q: "http://example.com" }],
    ["a,b :c", { q: "a,b :c" }],
    ['""', {}],
  ])("%j", (text, filters) => {
    expect(read(text)).toEqual({ filters });
  });

  it("keeps a path that is the name of a prototype", () => {
    const result = read("payload.__proto__:x");
    expect("filters" in result && Object.entries(result.filters.payload ?? {})).toEqual([["__proto__", "x"]]);
  });

  it("names each word with an issue, and the known keys", () => {
    expect(messages("host:a status:done since:soon type: tag:a, since:1h since:2h payload.a:1 payload.a:2")).toEqual([
      `host:a: "host" is not a key. Use ${FILTER_KEYS.join(", ")}, or put the word in double quotes to search for it.`,
      'status:done: "done" is not a status. Use waiting, scheduled, queued, running, retrying, completed, failed, cancelled.',
      "since:soon: expected how long ago, such as 2h or 7d, or a time, such as 2026-01-31T08:00:00Z.",
      "type:: expected type:VALUE.",
      "tag:a,: expected tag:VALUE.",
      "since:2h: since is given twice.",
      "payload.a:2: payload.a is given twice.",
    ]);
    expect(messages("payload.:1")).toEqual([expect.stringContaining('"payload." is not a key')]);
    expect(messages("constructor:x")).toEqual([expect.stringContaining('"constructor" is not a key')]);
    expect(messages("since:2026-02-31T99:00:00Z")).toEqual([expect.stringContaining("expected how long ago")]);
    expect(messages('a tag:"b c')).toEqual(['tag:"b c: the closing double quote is missing.']);
  });
});
