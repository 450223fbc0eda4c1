/** The start of the services that TaskFlow runs itself, beside the loading of the job types. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lastServer } from "./embedded/server-process.ts";
import { launch, ownFolder } from "./testing/installation.ts";
import { tempDir } from "./testing/services.ts";
import { until } from "./testing/until.ts";

const TIMEOUT_MS = 300_000;
const WITHIN_MS = 120_000;
const WRONG = { code: 2, signal: null };

describe.concurrent("a program that starts Redis and Postgres itself", { timeout: TIMEOUT_MS }, () => {
  it("starts them again while the job types load, and stops them if a setting of a type is wrong", async () => {
    const folder = ownFolder();
    await (await launch(folder).ready()).close();
    const isUp = (name: string): boolean => lastServer(join(folder, "data", name))?.lives === true;
    const jobsDir = tempDir();
    // a type that is loaded only once the test has seen both services
    writeFileSync(
      join(jobsDir, "late.mjs"),
      `import { existsSync } from "node:fs";
while (!existsSync(${JSON.stringify(join(jobsDir, "continue"))})) await new Promise((resolve) => setTimeout(resolve, 10));
export default ({ defineJob, Type, fixed }) => defineJob({
  type: "late", lane: "io", payload: Type.Object({}), attempts: 1, timeoutMs: 1000, backoff: fixed(10), run: () => null,
  settings: Type.Object({ LATE_COUNT: Type.Integer({ default: 1 }) }) })`,
    );
    const program = launch(folder, { TASKFLOW_JOBS: jobsDir, LATE_COUNT: "many", OUTBOUND_ALLOW_PRIVATE: "perhaps" });
    await until(() => isUp("redis") && isUp("postgres"), { what: "Redis and Postgres run", timeoutMs: WITHIN_MS });
    writeFileSync(join(jobsDir, "continue"), "");
    expect(await program.ended).toEqual(WRONG);
    expect(program.stderr).toMatch(/^taskflow: OUTBOUND_ALLOW_PRIVATE: expected .*\nLATE_COUNT: expected .*\n$/);
    expect([isUp("redis"), isUp("postgres")]).toEqual([false, false]);
  });

  it("creates nothing if a setting of a job type is wrong", async () => {
    const folder = tempDir();
    expect(await launch(folder, { OUTBOUND_ALLOW_PRIVATE: "perhaps" }).ended).toEqual(WRONG);
    expect(readdirSync(folder)).toEqual([]);
  });
});
