import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { completionScript, SHELLS } from "./completion.ts";
import { buildProgram } from "./program.ts";
import { openTerminal } from "./terminal.ts";

const nothing = { write: () => undefined };
const terminal = openTerminal({ out: nothing, err: nothing, input: process.stdin, env: {} });
const program = buildProgram({
  version: "1.2.3",
  terminal,
  act: () => () => Promise.resolve(),
  serve: () => Promise.resolve(),
});

/** The completions that bash offers for the last word. */
function complete(...words: readonly string[]): string[] {
  const script = `${completionScript("bash", program)}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _taskflow; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script, "bash", "taskflow", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

describe("completion", () => {
  it.each(SHELLS)("writes a script that %s can parse", (shell) => {
    const script = completionScript(shell, program);
    for (const { name } of program.commands.map((command) => ({ name: command.name() })))
      expect(script).toContain(name);
    const { error, status, stderr } = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
    if (!error) expect({ status, stderr }).toEqual({ status: 0, stderr: "" }); // some machines lack some shells
  });

  it("offers commands, options, choices and files", () => {
    expect(complete("re")).toEqual(["retry", "resume"]);
    expect(complete("--url", "http://localhost:1", "li")).toEqual(["list"]);
    expect(complete("keys", "")).toEqual(expect.arrayContaining(["create", "list", "revoke"]));
    expect(complete("keys", "create", "--sc")).toEqual(["--scopes"]);
    expect(complete("list", "--status", "c")).toEqual(["completed", "cancelled"]);
    expect(complete("submit", "email", "--payload", "@package.js")).toEqual(["@package.json"]);
    expect(complete("submit", "email", "--payload", "{}", "--wa")).toEqual(["--wait"]);
  });
});
