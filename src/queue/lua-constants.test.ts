import { describe, expect, it } from "vitest";
import { encodeCounters, encodeLease, FIRST_CLAIM, STATE_HEADER_LENGTH } from "../core/header.ts";
import { STATE_CODE } from "../core/state-code.ts";
import { LUA_CONSTANTS, withConstants } from "./lua-constants.ts";
import { scripts } from "./scripts.ts";

/** As Lua's string.sub. */
function sub(text: string, first: string, last = `${first}_END`): string {
  return text.slice(Number(LUA_CONSTANTS[first]) - 1, Number(LUA_CONSTANTS[last]));
}

describe("the constants of the scripts", () => {
  it("are the bounds of the columns, as string.sub takes them", () => {
    const header = `${STATE_CODE.running}${encodeCounters(3, 1, 7)}${encodeLease(1_800_000_000_000, "replica1", 35)}`;
    expect(header).toHaveLength(STATE_HEADER_LENGTH);
    expect({
      state: sub(header, "STATE"),
      attempt: sub(header, "ATTEMPT"),
      crashes: sub(header, "CRASHES"),
      deferrals: sub(header, "DEFERRALS"),
      counters: sub(header, "COUNTERS"),
      cancel: sub(header, "CANCEL"),
      progress: sub(header, "PROGRESS"),
      startedAt: sub(header, "STARTED_AT"),
      replica: sub(header, "REPLICA"),
      token: sub(header, "TOKEN"),
      untouched: sub(header, "CANCEL", "PROGRESS_END"),
      rest: header.slice(Number(LUA_CONSTANTS["RECORDS"]) - 1),
    }).toEqual({
      state: STATE_CODE.running,
      attempt: "03",
      crashes: "1",
      deferrals: "07",
      counters: "03107",
      cancel: "0",
      progress: "---",
      startedAt: "1800000000000",
      replica: "replica1",
      token: "replica1000000000z",
      untouched: LUA_CONSTANTS["UNTOUCHED"],
      rest: "",
    });
    expect(FIRST_CLAIM).toHaveLength(Number(LUA_CONSTANTS["CANCEL_END"]));
  });

  it("take the place of their names, with characters that Lua can read", () => {
    expect(withConstants("if byte(text) == RUNNING_BYTE then return END_OF_JOB .. 'RUNNING' end -- RUNNING")).toBe(
      "if byte(text) == 114 then return '\\030' .. 'RUNNING' end -- RUNNING",
    );
    expect(withConstants("return redis.call('TIME')")).toBe("return redis.call('TIME')");
  });

  it.each(Object.values(scripts).map((script) => [script.name, script.source]))(
    "cover every name in capitals of %s",
    (_, source) => {
      const code = source.replace(/--[^\n]*/g, "").replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
      const declared = new Set(["KEYS", "ARGV"]);
      for (const [, names = ""] of code.matchAll(/\blocal ([A-Za-z_, ]+?)(?: =|\n|$)/g))
        for (const name of names.split(",")) declared.add(name.trim());
      const named = code.match(/\b[A-Z][A-Z_]+\b/g) ?? [];
      expect(named.filter((name) => !declared.has(name))).toEqual([]);
    },
  );
});
