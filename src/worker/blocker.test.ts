import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { isBulkType } from "../core/bulk.ts";
import type { Job } from "../core/job.ts";
import { builtInTypes, loadRegistry } from "../jobs/registry.ts";
import { typesByFile } from "../replica/guard.ts";
import { testJobsDir } from "../testing/jobs-dir.ts";
import type { BlockerSources } from "./blocker.ts";
import { findBlocker } from "./blocker.ts";

const HERE = fileURLToPath(import.meta.url);
const job = (id: string, type: string) => ({ id, type }) as Job;
const RUNNING = { email: 2, webhook: 1 };
const sources = (changes: Partial<BlockerSources> = {}): BlockerSources => ({
  starting: () => undefined,
  jobs: () => [job("1", "email"), job("2", "webhook"), job("3", "email")],
  running: () => RUNNING,
  typeOfFile: new Map(),
  ...changes,
});
const find = (changes?: Partial<BlockerSources>) => findBlocker(sources(changes), find);

it("names the job whose handler is being called", () => {
  expect(find({ starting: () => job("9", "webhook") })).toMatchObject({
    type: "webhook",
    jobIds: ["9"],
    running: RUNNING,
  });
});

it("names the type whose file is on the stack, also where it is reached over an await alone", async () => {
  const deliver = async () => {
    await sleep(1);
    return find({ typeOfFile: new Map([[HERE, "email"]]) });
  };
  const handler = async () => await deliver();
  const { type, jobIds, at, stack } = await handler();
  expect({ type, jobIds }).toEqual({ type: "email", jobIds: ["1", "3"] });
  expect(at).toMatch(/blocker\.test\.ts:\d+:\d+$/);
  expect(stack.join("\n")).toMatch(/^deliver [^]*\n(?:async )?handler /);
});

it("names the only running type if the stack has no handler; of several none", () => {
  expect(find({ running: () => ({ webhook: 1 }) })).toMatchObject({ type: "webhook", jobIds: ["2"] });
  expect(find()).toMatchObject({ type: undefined, jobIds: [], running: RUNNING });
});

it("leaves Error as it was, and survives a prepareStackTrace that throws", () => {
  const { stackTraceLimit } = Error;
  const prepare = vi.spyOn(Error, "prepareStackTrace").mockImplementation(() => {
    throw new Error("odd");
  });
  const blocker = find();
  prepare.mockRestore();
  expect(blocker.stack).toEqual([]);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

it("knows the file of each job type", async () => {
  const files = typesByFile(await loadRegistry({ jobsDir: testJobsDir, settings: {} }));
  expect([...files.keys()].filter((file) => !existsSync(file))).toEqual([]);
  expect(new Set(files.values())).toEqual(
    new Set([
      ...builtInTypes.map(({ type }) => type).filter((type) => !isBulkType(type)),
      "test_cpu",
      "test_io",
      "noop",
    ]),
  );
});
