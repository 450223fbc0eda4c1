import { describe, expect, it } from "vitest";
import { createLog } from "./log.ts";
import { prettyLine } from "./pretty-line.ts";

const pretty = (fields: object): string => prettyLine(`${JSON.stringify(fields)}\n`, { isColoured: false });
const time = new Date(2026, 0, 2, 3, 4, 5, 6).toISOString();

describe("a line of the log for people", () => {
  it("has the time, the level, the message and the other fields", () => {
    const fields = { level: "info", time, replica: "r1", job_id: "j1", attempt: 2, list: [1], msg: "retried" };
    expect(pretty(fields)).toBe("03:04:05.006 INFO  retried  job_id=j1 attempt=2 list=[1]\n");
    expect(pretty({ level: "warn", time, msg: "" })).toBe("03:04:05.006 WARN  \n");
  });

  it("shows an error with its code, its stack and its causes below", () => {
    const cause = { type: "Error", message: "refused", code: "ECONNREFUSED", stack: "Error: refused\n    at b.ts:2" };
    const error = {
      type: "StartError",
      message: "Redis is away",
      stack: "StartError: …\n    at a.ts:1",
      hint: "h",
      cause,
    };
    expect(pretty({ level: "error", time, msg: "failed", error }).split("\n").slice(1)).toEqual([
      "    StartError: Redis is away hint=h",
      "        at a.ts:1",
      "    Error: refused (ECONNREFUSED)",
      "        at b.ts:2",
      "",
    ]);
  });

  it("escapes control characters, but keeps the line breaks of a message", () => {
    expect(pretty({ level: "info", time, msg: "a\nb\u001b[2J", "\u0007": "\u202e" })).toBe(
      "03:04:05.006 INFO  a\n    b\\u001b[2J  \\u0007=\\u202e\n",
    );
  });

  it("leaves other text unchanged", () => {
    expect(prettyLine("not JSON\n", { isColoured: true })).toBe("not JSON\n");
  });

  it("is written by a log of this format, redacted, and coloured if colours are allowed", () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLog({ level: "info", replica: "r", destination, format: { kind: "pretty", isColoured: true } });
    log.child({ job_id: "j" }).warn({ url: "https://a:hunter2@b/" }, "slow");
    expect(lines).toEqual([expect.stringContaining("\u001b[33mWARN \u001b[39m slow")]);
    expect(lines[0]).toContain("job_id=j url=https://a:***@b/");
  });
});
