import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../errors.ts";
import { loadDefinitions, registryOf } from "../../jobs/registry.ts";
import { testJobsDir } from "../../testing/jobs-dir.ts";
import { setUpSchedules } from "../../testing/schedule-service.ts";
import { tempDir } from "../../testing/services.ts";
import type { FileRules } from "./files.ts";
import { readScheduleFiles } from "./files.ts";
import type { ScheduleService } from "./service.ts";

let rules: FileRules;
let folder: string;
beforeEach(async () => {
  folder = tempDir();
  const registry = registryOf(await loadDefinitions({ jobsDir: testJobsDir }), {});
  rules = { config: { SCHEDULES_DIR: folder, ACCEPT_DURABILITY: "redis" }, registry };
});

const HOURLY = { every_ms: 3_600_000, job: { type: "noop", payload: { n: 1 } } };
const DAILY = { ...HOURLY, every_ms: 86_400_000 };

function write(name: string, content: object | string): void {
  writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
}

describe("the files in SCHEDULES_DIR", () => {
  it("are read by name, except for others", async () => {
    write("b.json", HOURLY);
    write("a.json", { ...DAILY, cron: undefined });
    write("README.md", "# Schedules");
    write(".hidden.json", "");
    const files = await readScheduleFiles(rules);
    expect(files?.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(JSON.parse(files?.[1]?.definition ?? "")).toMatchObject({ ...HOURLY, time_zone: "UTC", overlap: "skip" });
    expect(await readScheduleFiles({ ...rules, config: { ...rules.config, SCHEDULES_DIR: "" } })).toBeUndefined();
  });

  it("stop the start with a sentence for each file that is not valid, which lists all its issues", async () => {
    write("good.json", HOURLY);
    write("two issues.json", { cron: "0 3 30 2 *", job: { type: "nope", payload: {} }, color: "red" });
    write("cut.json", '{"every_ms":');
    const refused = readScheduleFiles(rules);
    await expect(refused).rejects.toThrow(UsageError);
    const message = await refused.then(
      () => "",
      (error: unknown) => (error as Error).message,
    );
    const [cut = "", issues = "", ...others] = message.split("\n");
    expect(others).toEqual([]);
    expect(cut).toMatch(/^SCHEDULES_DIR: cut\.json is not a valid schedule: the file is not JSON: [^\n]*\.$/);
    expect(issues).toMatch(/^SCHEDULES_DIR: two issues\.json is not a valid schedule: its name is not valid: /);
    for (const path of ["/color ", "/cron ", "/job/type "]) expect(issues).toContain(path);
    rmSync(folder, { recursive: true });
    await expect(readScheduleFiles(rules)).rejects.toThrow(/^SCHEDULES_DIR: the folder cannot be read: .*ENOENT.*\.$/);
  });
});

describe("schedules of files", () => {
  const setup = setUpSchedules();
  const apply = async (schedules: ScheduleService) => schedules.applyFiles((await readScheduleFiles(rules)) ?? []);
  const everyOf = async (schedules: ScheduleService, name: string) => {
    const found = await schedules.get(name);
    return found && [found.version, (JSON.parse(found.definition) as { every_ms: number }).every_ms];
  };
  const text = async (content: object): Promise<string> => {
    write("text.json", content);
    const files = await readScheduleFiles(rules);
    rmSync(join(folder, "text.json"));
    return files?.find(({ name }) => name === "text")?.definition ?? "";
  };

  it("are one version, although replicas start at once, and reach Redis", async () => {
    write("nightly.json", HOURLY);
    const replicas = Array.from({ length: 4 }, () => setup().service());
    const applied = await Promise.all(replicas.map(apply));
    expect(applied.flatMap(({ changed }) => changed)).toEqual(["nightly"]);
    expect(await everyOf(setup().service(), "nightly")).toEqual([1, 3_600_000]);
    await setup().inRedis("nightly");
    expect(await apply(setup().service())).toEqual({ changed: [], removed: [] });
  });

  it("stay as somebody changed them until their file changes", async () => {
    const schedules = setup().service();
    write("nightly.json", HOURLY);
    await apply(schedules);
    await schedules.put("nightly", await text(DAILY), { apiKey: "key" });
    await apply(schedules);
    expect(await everyOf(schedules, "nightly")).toEqual([2, 86_400_000]);
    write("nightly.json", { ...HOURLY, every_ms: 7_200_000 });
    await apply(schedules);
    expect(await everyOf(schedules, "nightly")).toEqual([3, 7_200_000]);
    expect(await schedules.revert("nightly")).toMatchObject({ version: 3, apiKey: null });
    await schedules.put("nightly", await text(DAILY), { apiKey: "key" });
    expect(await schedules.revert("nightly")).toMatchObject({ version: 5 });
    expect(await everyOf(schedules, "nightly")).toEqual([5, 7_200_000]);
  });

  it("stay removed until their file changes, or somebody reverts that", async () => {
    const schedules = setup().service();
    write("nightly.json", HOURLY);
    await apply(schedules);
    const first = await schedules.get("nightly");
    await schedules.remove("nightly");
    await apply(schedules);
    expect(await schedules.get("nightly")).toBeUndefined();
    expect((await schedules.list({ limit: 10 })).schedules).toEqual([]);
    const reverted = await schedules.revert("nightly");
    expect(reverted).toMatchObject({ version: 1 });
    expect(reverted).not.toMatchObject({ id: first?.id });
    await schedules.remove("nightly");
    write("nightly.json", DAILY);
    await apply(schedules);
    expect(await everyOf(schedules, "nightly")).toEqual([1, 86_400_000]);
    await setup().inRedis("nightly");
  });

  it("are removed with their files, and others are not", async () => {
    const schedules = setup().service();
    write("a.json", HOURLY);
    write("b.json", HOURLY);
    await apply(schedules);
    await schedules.put("a", await text(DAILY), { apiKey: null });
    await schedules.put("own", await text(DAILY), { apiKey: null });
    await schedules.remove("b");
    rmSync(join(folder, "a.json"));
    rmSync(join(folder, "b.json"));
    expect(await apply(schedules)).toEqual({ changed: [], removed: ["a", "b"] });
    await setup().notInRedis("a");
    expect((await schedules.list({ limit: 10 })).schedules.map(({ name }) => name)).toEqual(["own"]);
    expect(await schedules.revert("own")).toBe("no_file");
    expect(await schedules.revert("a")).toBeUndefined();
    await setup().rows(1);
  });

  it("take over a schedule that somebody made", async () => {
    const schedules = setup().service();
    await schedules.put("nightly", await text(DAILY), { apiKey: "key" });
    write("nightly.json", HOURLY);
    expect(await apply(schedules)).toEqual({ changed: ["nightly"], removed: [] });
    expect(await schedules.get("nightly")).toMatchObject({ version: 2, apiKey: null });
  });
});
