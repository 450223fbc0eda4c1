import { describe, expect, it } from "vitest";
import { resolved, templateIssues } from "./templates.ts";

/** 2026-03-30 02:30 in Berlin, a day after the clock went forward from 02:00 to 03:00. */
const FACTS = {
  tick: Date.parse("2026-03-30T00:30:00.000Z"),
  previousTick: Date.parse("2026-03-29T01:00:00.000Z"),
  timeZone: "Europe/Berlin",
};

function text(template: string): string {
  const [found = ""] = JSON.parse(resolved(JSON.stringify([template]), FACTS)) as string[];
  return found;
}

describe("a template", () => {
  it.each([
    ["${tick}", "2026-03-30T00:30:00.000Z"],
    ["${previous_tick}", "2026-03-29T01:00:00.000Z"],
    ["from ${previous_tick:DD} to ${tick:DD}", "from 29 to 30"],
    ["${tick:YYYY-MM-DD}", "2026-03-30"],
    ["${tick-1d:YYYY-MM-DD}", "2026-03-29"],
    ["${tick-1d:HH:mm}", "03:00"], // 02:30 does not exist on that day
    ["${tick-2d:HH:mm Z}", "02:30 +01:00"],
    ["${tick-48h:HH:mm}", "01:30"],
    ["${tick-1w:YYYY-MM-DDTHH:mm:ss.SSSZ}", "2026-03-23T02:30:00.000+01:00"],
    ["${tick+90m:HH.mm}", "04.00"],
    ["${tick-1d}", "2026-03-29T01:00:00.000Z"],
    ["${tick:[Day] YY/MM/DD}", "Day 26/03/30"],
    ["$${tick}", "${tick}"],
    ["$${previous_tick} $${ticks", "${previous_tick} ${ticks"],
    ["$$${tick}", "$${tick}"],
    ["${other} $${other} ${ tick } tick", "${other} $${other} ${ tick } tick"],
  ])("%s", (template, expected) => {
    expect(templateIssues(template, "")).toEqual([]);
    expect(text(template)).toBe(expected);
  });

  it("is resolved in strings, and everything else stays as it is", () => {
    const json = String.raw`{ "a" : [1.50, "\u00e9 ${"$"}{tick:YYYY} \"\\", {"b":1e400}], "tick":"x" }`;
    expect(resolved(json, FACTS)).toBe(String.raw`{ "a" : [1.50, "\u00e9 2026 \"\\", {"b":1e400}], "tick":"x" }`);
    expect(resolved('{"a":1}', FACTS)).toBe('{"a":1}');
  });

  it("may be spelled with escape sequences, and its text is escaped", () => {
    expect(resolved(String.raw`["\u0024{tick:YYYY\/MM}"]`, FACTS)).toBe('["2026/03"]');
    expect(resolved(String.raw`["${"$"}{t\u0069ck:YYYY}"]`, FACTS)).toBe('["2026"]');
    expect(JSON.parse(resolved(String.raw`["${"$"}{tick:YYYY[\"]DD}\n"]`, FACTS))).toEqual(['2026"30\n']);
  });

  it.each([
    "${ticks}",
    "${tick",
    "${tick:}",
    "${tick:QQQQ}",
    "${tick-1y}",
    "${tick-1}",
    "${tick-999999d}",
    "${previous_tick2}",
  ])("%s is an issue, with its path", (template) => {
    const [issue, ...others] = templateIssues({ a: ["x", template] }, "/job");
    expect(others).toEqual([]);
    expect(issue?.path).toBe("/job/a/1");
    expect(issue?.message).toContain(JSON.stringify(template));
  });

  it("is an issue in a name", () => {
    expect(templateIssues({ "${tick}": 1, "$${tick}": 2 }, "/job").map(({ path }) => path)).toEqual(["/job/${tick}"]);
  });
});
