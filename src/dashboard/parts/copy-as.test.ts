import { execFileSync } from "node:child_process";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import type { CopiedJob } from "./copy-as.ts";
import { asCli, asCurl, asTypeScript } from "./copy-as.ts";

const TARGET = { url: "https://jobs.example.com/it's", hasKey: true };
const ODD = `it's "quoted" $HOME \`id\` \\n !! %s é 😀 -x`;
const job = (payload: unknown, fields: Partial<CopiedJob> = {}): CopiedJob => ({
  type: "webhook",
  priority: 5,
  tags: [],
  group_key: null,
  max_attempts: 3,
  payloadJson: typeof payload === "string" ? payload : JSON.stringify(payload),
  ...fields,
});

/** The arguments that the shell passes to the program. */
function argumentsOf(program: string, command: string): string[] {
  const script = `${program}() { for each; do printf '%s\\0' "$each"; done; }\n${command}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8", env: { TASKFLOW_API_KEY: "key" } })
    .split("\0")
    .slice(0, -1);
}

describe("asCurl", () => {
  it("survives the shell, with quotes, line breaks, dollar signs and unicode", () => {
    const payload = { text: ODD, lines: "a\nb\tc", zero: "\u0000" };
    const fields = { priority: 9, tags: [ODD], group_key: ODD };
    const passed = argumentsOf("curl", asCurl(job(payload, fields), TARGET));
    expect(passed.slice(0, 4)).toEqual(["-X", "POST", `${TARGET.url}/api/v1/jobs`, "-H"]);
    expect(passed.slice(4, 8)).toEqual([
      "Authorization: Bearer key",
      "-H",
      "Content-Type: application/json",
      "--data-raw",
    ]);
    expect(JSON.parse(passed[8] ?? "")).toEqual({ type: "webhook", payload, ...fields, max_attempts: 3 });
    expect(passed).toHaveLength(9);
  });

  it("keeps every digit, and has no header without keys", () => {
    const curl = asCurl(job('{"id":12345678901234567890.10}'), { ...TARGET, hasKey: false });
    expect(curl).toContain('"id": 12345678901234567890.10');
    expect(curl).not.toContain("Authorization");
  });
});

describe("asCli", () => {
  it("survives the shell", () => {
    const payload = { text: ODD };
    const cli = asCli(job(payload, { priority: 0, tags: ["-a", ODD], group_key: "-g" }), TARGET);
    const passed = argumentsOf("taskflow", cli);
    expect(JSON.parse(passed[5] ?? "")).toEqual(payload);
    expect(passed.filter((_, at) => at !== 5)).toEqual([
      ...["submit", "webhook", "--url", TARGET.url, "--payload", "--priority", "0", "--tag=-a", `--tag=${ODD}`],
      ...["--group=-g", "--max-attempts", "3"],
    ]);
  });
});

describe("asTypeScript", () => {
  /** What the code submits. */
  async function submitted(code: string): Promise<unknown[]> {
    const { outputText, diagnostics } = ts.transpileModule(code, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      reportDiagnostics: true,
    });
    expect(diagnostics).toEqual([]);
    const calls: unknown[] = [];
    const globals = globalThis as { recorded?: unknown };
    globals.recorded = (...call: unknown[]) => calls.push(...call);
    const fake = `class TaskFlow { constructor(options) { recorded(options); } submit(...call) { recorded(...call); return {}; } }
      const parse = (text) => ({ parsed: text }), stringify = JSON.stringify, console = { log() {} };`;
    const body = outputText.replace(/^import .*$/gm, "");
    await import(`data:text/javascript,${encodeURIComponent(fake + body)}`);
    delete globals.recorded;
    return calls;
  }

  it("is valid, with quotes, line breaks and unicode", async () => {
    const payload = { text: ODD, lines: "a\nb", "odd key": [1, null, { x: "\u2028" }] };
    const calls = await submitted(asTypeScript(job(payload, { tags: [ODD] }), { ...TARGET, hasKey: false }));
    expect(calls).toEqual([{ url: TARGET.url }, "webhook", payload, { tags: [ODD], maxAttempts: 3 }]);
  });

  it("does not lose digits", async () => {
    const code = asTypeScript(job('{"id":12345678901234567890}'), TARGET);
    expect(code).toContain("lossless-json");
    expect((await submitted(code))[2]).toEqual({ parsed: '{"id":12345678901234567890}' });
    expect(asTypeScript(job('{"id":1e400}'), TARGET)).toContain("lossless-json");
    expect(asTypeScript(job('{"id":1.50,"zero":0,"small":-0.001}'), TARGET)).not.toContain("lossless-json");
  });

  it("keeps members that a literal would change", async () => {
    const [, , payload] = await submitted(asTypeScript(job('{"__proto__":{"a":1}}'), TARGET));
    expect(Object.keys(payload as object)).toEqual(["__proto__"]);
  });
});
