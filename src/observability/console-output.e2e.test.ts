/**
 * Tests with job types that print that the built program writes only lines of JSON to standard output.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { launch } from "../testing/installation.ts";
import type { Program } from "../testing/process.ts";
import { jobWhen, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

const TIMEOUT_MS = 120_000;

/** A job type that prints in every way, both when it is loaded and when it runs. */
const talkative = (type: string, lane: string): string => `
console.log("${type} is loaded");
process.emitWarning("${type} is old", "DeprecationWarning", "DEP_${lane}");
export default ({ defineJob, Type, fixed }) => defineJob({
  type: "${type}", lane: "${lane}", payload: Type.Object({}), attempts: 1, timeoutMs: 10_000, backoff: fixed(1_000),
  run: () => {
    console.log("hello\\nfrom ${type}");
    console.error("%s has failed", "${type}");
    process.stdout.write("no end of line");
    process.emitWarning("${type} warns");
    process.emitWarning("${type} warns");
    return {};
  },
});`;

function jobsFolder(...types: readonly (readonly [type: string, lane: string])[]): string {
  const folder = tempDir();
  for (const [type, lane] of types) writeFileSync(join(folder, `${type}.mjs`), talkative(type, lane));
  return folder;
}

/** The program's messages on standard error. */
const MESSAGE = /^TaskFlow \S+ serves on \S+$|^taskflow: .+$/;

function expectJsonLines({ stdout, stderr }: Program): Record<string, unknown>[] {
  expect(stderr.split("\n").filter((line) => line !== "" && !MESSAGE.test(line))).toEqual([]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.concurrent("printed output", { timeout: TIMEOUT_MS }, () => {
  it("becomes lines of the log, with the job's id on threads that run one attempt at a time", async () => {
    const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
    const env = {
      REDIS_ADDR: redis.address,
      DATABASE_URL: database.url,
      SMTP_URL: "smtp://127.0.0.1:1",
      WORKER_COUNT: "1",
    };
    const program = await launch(tempDir(), {
      ...env,
      TASKFLOW_JOBS: jobsFolder(["talks_io", "io"], ["talks_cpu", "cpu"]),
    }).ready();
    const ids = [await submit(program, "talks_io", {}), await submit(program, "talks_cpu", {})];
    for (const id of ids) expect(await jobWhen(program, id)).toMatchObject({ status: "completed" });
    const texts = (): unknown[] => program.lines().map(({ msg }) => msg);
    await until(() => ["talks_io", "talks_cpu"].every((type) => texts().includes(`hello\nfrom ${type}`)), {
      what: "both have printed",
    });
    await program.close();
    const lines = expectJsonLines(program);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "talks_io is loaded", stream: "stdout", level: "info" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "talks_io is old", warning: "DeprecationWarning", code: "DEP_io", level: "warn" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "talks_io has failed", stream: "stderr", level: "warn" }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ msg: "no end of line", stream: "stdout" }));
    expect(lines.filter(({ msg }) => msg === "talks_io warns")).toHaveLength(1);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "hello\nfrom talks_cpu", stream: "stdout", job_id: ids[1], type: "talks_cpu" }),
    );
  });

  it("is not lost if the start fails", async () => {
    const program = launch(tempDir(), { TASKFLOW_JOBS: jobsFolder(["talks_io", "io"]), WORKER_COUNT: "many" });
    expect(await program.ended).toEqual({ code: 2, signal: null });
    expect(program.stderr).toMatch(/^taskflow: WORKER_COUNT/);
    expect(expectJsonLines(program)).toContainEqual(
      expect.objectContaining({ msg: "talks_io is loaded", stream: "stdout" }),
    );
  });
});
