import { describe, expect, it } from "vitest";
import type { OptionsDraft } from "./job-options.ts";
import { countSet, NO_OPTIONS, readOptions, tagsIn } from "./job-options.ts";

const read = (draft: Partial<OptionsDraft>) => readOptions({ ...NO_OPTIONS, ...draft }, "utc");

describe("readOptions", () => {
  it("has no options where nothing was typed", () => {
    expect(read({})).toEqual({ options: {}, issues: [] });
  });

  it("reads all options", () => {
    const draft: Partial<OptionsDraft> = {
      priority: "9",
      start: "time",
      runAt: "2026-03-01T14:05",
      expiresAt: "2026-03-02T14:05",
      tags: "news, spring",
      group: " a group ",
      maxAttempts: " 5",
      callbackUrl: " https://example.com/done ",
      durability: "postgres",
      idempotencyKey: "order-4711 ",
    };
    expect(read(draft)).toEqual({
      options: {
        priority: 9,
        runAt: "2026-03-01T14:05:00.000Z",
        expiresAt: "2026-03-02T14:05:00.000Z",
        tags: ["news", "spring"],
        groupKey: " a group ",
        maxAttempts: 5,
        callbackUrl: "https://example.com/done",
        durability: "postgres",
        idempotencyKey: "order-4711",
      },
      issues: [],
    });
  });

  it("reads the delay or the time, whichever is chosen", () => {
    const both: Partial<OptionsDraft> = { delay: "2", delayUnit: "hours", runAt: "2026-03-01T14:05" };
    expect(read({ ...both, start: "delay" }).options).toEqual({ delayMs: 7_200_000 });
    expect(read({ ...both, start: "now" }).options).toEqual({});
  });

  it("reports everything that cannot be read at once", () => {
    expect(read({ start: "delay", delay: "soon", maxAttempts: "1.5", expiresAt: "x" }).issues).toEqual([
      { path: "/delay_ms", message: "Enter a whole number." },
      { path: "/max_attempts", message: "Enter a whole number." },
      { path: "/expires_at", message: "Enter a date and a time." },
    ]);
    expect(read({ start: "time" }).issues).toEqual([{ path: "/run_at", message: "Enter a date and a time." }]);
  });
});

describe("tagsIn", () => {
  it.each([
    ["", []],
    [" , ,", []],
    ["news", ["news"]],
    [" two words ,b,", ["two words", "b"]],
    ['"a, b",c', ["a, b", "c"]],
    ['"say \\"hi\\" \\\\"', ['say "hi" \\']],
    ['5" nail', ['5" nail']],
    ['" open', ['"', "open"]],
  ])("reads %j", (text, tags) => {
    expect(tagsIn(text)).toEqual(tags);
  });
});

describe("countSet", () => {
  it("counts the options that differ from their defaults, the start once", () => {
    expect(countSet(NO_OPTIONS)).toBe(0);
    expect(countSet({ ...NO_OPTIONS, delay: "3", delayUnit: "days" })).toBe(0);
    expect(countSet({ ...NO_OPTIONS, start: "delay", delay: "3", tags: "a" })).toBe(2);
  });
});
