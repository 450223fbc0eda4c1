import { execFile } from "node:child_process";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { migrate } from "../results/migrate.ts";
import { testJobsDir } from "../testing/jobs-dir.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { runCommand } from "./command.ts";

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  let isServing = false;
  const serve = (): Promise<void> => {
    isServing = true;
    return Promise.resolve();
  };
  const code = await runCommand({
    args,
    env,
    version: "1.2.3",
    serve,
    input: Readable.from([]),
    out: { write: (text) => out.push(text) },
    err: { write: (text) => err.push(text) },
  });
  return { code, out: out.join(""), err: err.join(""), isServing };
}

describe("the taskflow command", () => {
  it("prints its help and its version", async () => {
    expect(await run(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("verify") as string });
    expect(await run(["verify", "-h"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("Exit codes") as string,
    });
    expect(await run(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
  });

  it("starts a replica, which ends the process itself", async () => {
    expect(await run(["serve"])).toMatchObject({ code: undefined, isServing: true });
  });

  it.each([
    [[], "Usage: taskflow"],
    [["verfy"], "taskflow: unknown command 'verfy'\n(Did you mean verify?)\nRun taskflow --help for all commands.\n"],
    [["verify", "--jsn"], "unknown option '--jsn'"],
    [["verify", "now"], "too many arguments"],
    [["migrate"], "DATABASE_URL must be set"],
    [["keys", "list"], "DATABASE_URL must be set"],
    [["completion", "csh"], "Allowed choices are bash, zsh, fish."],
    [["verify"], "REDIS_ADDR and DATABASE_URL must be set"],
  ])("rejects %j with code 2", async (args, message) => {
    expect(await run(args)).toMatchObject({ code: 2, err: expect.stringContaining(message) as string });
  });

  it("names a setting that is not valid, with code 2", async () => {
    expect(await run(["verify"], { LEASE_MS: "soon" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("LEASE_MS: expected milliseconds") as string,
    });
  });

  it("migrates a database once", async () => {
    const { url } = await freshDatabase();
    const migrated = async () =>
      JSON.parse((await run(["migrate", "--json"], { DATABASE_URL: url })).out) as {
        readonly applied: readonly string[];
      };
    expect((await migrated()).applied.length).toBeGreaterThan(0);
    expect(await migrated()).toEqual({ applied: [] });
    expect(await run(["migrate"], { DATABASE_URL: url })).toMatchObject({ code: 0, out: "No migrations to apply.\n" });
  });

  it("exits with code 3 if Postgres does not answer, and reports it as JSON with --json", async () => {
    const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
    const message = "Postgres at 127.0.0.1:1 cannot be used (the connection is refused)";
    expect(await run(["migrate"], env)).toMatchObject({
      code: 3,
      err: expect.stringContaining(`taskflow: ${message}`) as string,
    });
    const { code, err } = await run(["keys", "list", "--json"], env);
    expect(code).toBe(3);
    expect(JSON.parse(err)).toMatchObject({ code: "unreachable", detail: expect.stringContaining(message) as string });
  });

  it("creates keys by the given options", async () => {
    const { code, out } = await run(["keys", "create", "ci", "--scopes", "read", "--rate", "100/s", "--env", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      key: expect.stringMatching(/^tf_/) as string,
      entry: expect.stringMatching(/^ci:read:[0-9a-f]{64}:rate=100\/s$/) as string,
    });
    expect(await run(["keys", "create", "ci", "--scopes", "root", "--env"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--scopes: expected") as string,
    });
  });

  it("verifies the system that the environment names, with custom job types", async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    await migrate(database.url);
    const env = {
      REDIS_ADDR: redis.address,
      DATABASE_URL: database.url,
      TASKFLOW_JOBS: testJobsDir,
      TEST_SETTING: "known",
      TASKFLOW_URL: "http://127.0.0.1:1",
      TASKFLOW_API_KEY: "k",
    };
    expect(await run(["verify"], env)).toMatchObject({ code: 0, err: "" });
    expect(JSON.parse((await run(["verify", "--json"], env)).out)).toMatchObject({ faults: [], rows: 0 });
  });
});

describe("the built program", () => {
  const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const runProgram = (args: readonly string[], env: Record<string, string> = {}) =>
    promisify(execFile)(program, args, { env: { PATH: process.env.PATH, ...env } });

  it("exits with the code of its command", async () => {
    await expect(runProgram(["nothing"])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown command 'nothing'") as string,
    });
  });

  it("accepts the command's own variables in the environment of a replica", async () => {
    const serving = runProgram(["serve"], {
      LEASE_MS: "soon",
      TASKFLOW_URL: "http://127.0.0.1:1",
      TASKFLOW_API_KEY: "k",
    });
    await expect(serving).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^taskflow: (?!.*TASKFLOW_URL).*LEASE_MS: expected milliseconds/s) as string,
    });
  });

  it("runs the load test of a checkout with its own options", async () => {
    expect((await runProgram(["loadtest", "--help"])).stdout).toContain("--paced-seconds");
  });
});
