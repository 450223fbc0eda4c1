import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFilterText } from "../../../client/filter-text.ts";
import { signatureOf } from "../../../core/error-signature.ts";
import type { ErrorGroup } from "./group-filter.ts";
import { filterOfGroup, foundByText, noteOf, phraseOf } from "./group-filter.ts";

const times = { from: "2026-03-10T12:00:00Z", to: undefined };
const group = (signature: string, fields: Partial<ErrorGroup> = {}): ErrorGroup => ({
  type: "email",
  code: "rejected",
  signature,
  count: 1,
  first_seen: times.from,
  last_seen: times.from,
  hourly: [],
  examples: [],
  ...fields,
});
const filterOf = (all: readonly ErrorGroup[], isTruncated = false) => {
  const [first = group("")] = all;
  return filterOfGroup(first, all, { times, isTruncated });
};

describe("the filters of an error", () => {
  it("are its type, code and hours, if it is the only error with them", () => {
    const filter = filterOf([
      group("no user <n>"),
      group("no user <n>", { code: "b" }),
      group("x", { type: "webhook" }),
    ]);
    expect(filter.filters).toEqual({
      status: ["failed"],
      type: ["email"],
      errorCode: ["rejected"],
      finishedAfter: times.from,
    });
    expect(noteOf(filter)).toBeUndefined();
  });

  it("have a word of its message that others with the same code lack", () => {
    const filter = filterOf([group("the mailbox of <email> is full"), group("the mailbox of <email> is unknown")]);
    expect(filter.filters.q).toBe("full");
    expect(foundByText(filter)).toBe("Its jobs are found by type, code and the text “full”.");
    expect(noteOf(filter)).toBeUndefined();
  });

  it("name the errors that they find, too", () => {
    const all = [group("is full"), group("is full since <n>"), group("this is full")];
    expect(noteOf(filterOf(all))).toContain("2 other errors");
    expect(noteOf(filterOf(all.slice(0, 2)))).toContain("“is full since <n>”");
    expect(noteOf(filterOf([group("<n>"), group("is full")]))).toContain("“is full”");
  });

  it("may find errors that are not listed", () => {
    expect(filterOf([group("no user")], true).filters.q).toBe("user");
    expect(noteOf(filterOf([group("no user")], true))).toContain("not listed");
    expect(noteOf(filterOf([group("no user"), group("(other)", { code: "(other)" })]))).toContain("not listed");
  });

  it("have no code with a comma, which would mean two codes, and none for the errors beyond the limit", () => {
    expect(filterOf([group("x", { code: "a,b" })]).filters.errorCode).toBeUndefined();
    expect(filterOf([group("(other)", { code: "(other)" })]).filters).not.toHaveProperty("errorCode");
  });

  it.each([
    [group('say "no": a,b\\c'), group("other")],
    [group("x", { code: 'odd "code": 1', type: "odd type" }), group("other")],
    [group("x"), group("other")],
  ])("are the same as the text of the filter box (%#)", (...all) => {
    for (const to of [undefined, "2026-03-10T14:00:00Z"]) {
      const { text, filters } = filterOfGroup(all[0], all, { times: { ...times, to }, isTruncated: false });
      const iso = (time: unknown): string => new Date(String(time)).toISOString();
      expect(readFilterText(text, 0)).toEqual({
        filters: {
          ...filters,
          finishedAfter: iso(filters.finishedAfter),
          ...(to !== undefined && { finishedBefore: iso(to) }),
        },
      });
    }
  });
});

describe("the word of a signature", () => {
  it("is the longest of those that the fewest other signatures have", () => {
    expect(phraseOf("user <n> is not known", [])).toBe("known");
    expect(phraseOf("user <n> is not known", ["group <n> is not KNOWN"])).toBe("user");
    expect(phraseOf("<text> <n>", ["x"])).toBeUndefined();
    expect(phraseOf("", ["x"])).toBeUndefined();
    expect(phraseOf(signatureOf(`${"x".repeat(194)}:a@b.example`), [])).toBe(`${"x".repeat(194)}:`);
  });

  const part = fc.oneof(
    fc.constantFrom(
      " ",
      "\n",
      '"',
      "'",
      "https://a:b@host.example/p?q=1",
      "https://host?q",
      "a@b.example",
      "/",
      "<",
      "😀",
    ),
    fc.stringMatching(/^[a-zA-Zäß0-9.:,;<>-]{1,12}$/),
    fc.constantFrom("<path>", "<text>", "x".repeat(190)),
  );
  it("is in every message that has the signature", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.array(fc.string(), { maxLength: 3 }), (parts, others) => {
        const message = parts.join("");
        const word = phraseOf(signatureOf(message), others);
        if (word !== undefined) expect(message).toContain(word);
      }),
      { numRuns: 2_000 },
    );
  });
});
