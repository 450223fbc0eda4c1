import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { jsonLines, startCommandReplica } from "../testing/command-line.ts";
import { tempDir } from "../testing/services.ts";

const { run, close } = await startCommandReplica();
afterAll(close);

const folder = tempDir();
function fileOf(name: string, definition: object | string): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, typeof definition === "string" ? definition : JSON.stringify(definition));
  return file;
}
const YEARLY = { cron: "0 3 1 1 *", start_at: "2100-01-01T00:00:00Z", job: { type: "noop", payload: {} } };

it("applies files, and shows, runs, pauses, resumes and deletes the schedules", async () => {
  const [a, b] = [fileOf("a", YEARLY), fileOf("b", { every_ms: 86_400_000, job: YEARLY.job })];
  const applied = await run(["schedules", "apply", "-f", a, "-f", b]);
  expect(applied).toMatchObject({ code: 0, err: "" });
  expect(applied.out).toMatch(/^a is active, next 2100-01-01T03:00:00Z, version 1\nb is active, next .*, version 1\n$/);
  expect((await run(["schedules", "apply", "-f", a])).out).toMatch(/version 1\n$/);
  expect((await run("schedules list --state active")).out).toMatch(
    /^name +state +type +when +next +last\na +active +noop +0 3 1 1 \* UTC +2100/,
  );
  expect(
    (jsonLines((await run("schedules list --json")).out) as unknown as { name: string }[]).map(({ name }) => name),
  ).toEqual(["a", "b"]);
  expect((await run("schedules get a")).out).toMatch(/^name +a\n/);
  expect((await run("schedules preview a")).out).toContain("2100-01-01T03:00:00+00:00");
  expect(await run(["schedules", "pause", "a", "--reason", "why not"])).toMatchObject({ out: "a is paused\n" });
  expect((await run("schedules get a")).out).toMatch(/paused +since .*: why not\n/);
  expect((await run("schedules resume a --catch-up none")).out).toBe("a is active, next 2100-01-01T03:00:00Z\n");
  const ran = await run("schedules run a --wait --json");
  expect([ran.code, jsonLines(ran.out)]).toMatchObject([0, [{ type: "noop", status: "completed" }]]);
  expect((await run("schedules runs a")).out).toMatch(/manual +- +[0-9a-f-]{36} +completed\n$/);
  expect(await run("schedules backfill a --from 2101-01-01T12:00:00Z --dry-run")).toMatchObject({ code: 4 });
  expect(
    await run("schedules backfill b --from 2026-01-01T12:00:00Z --to 2026-01-03T12:00:00Z --dry-run"),
  ).toMatchObject({
    code: 0,
    out: "2 jobs\n",
  });
  expect(await run("schedules delete a nothing --cancel-jobs")).toMatchObject({
    code: 4,
    out: "a is deleted, 0 waiting jobs cancelled\n",
    err: expect.stringContaining("There is no schedule with the name nothing.") as string,
  });
});

it("says why a backfill has skipped ticks, and lists no late schedule", async () => {
  const job = { type: "webhook", payload: { url: "http://127.0.0.1:6${tick:mmDD}/", body: {} } }; // no port is above 65535
  const times = ["2026-01-01T00:00:00Z", "2026-01-01T00:59:00Z", "2999-01-01T00:00:00Z"];
  await run(["schedules", "apply", "-f", fileOf("ports", { times, job })]);
  const range = "--from 2026-01-01T00:00:00Z --to 2026-01-01T01:00:00Z";
  expect(await run(`schedules backfill ports ${range} --yes`)).toMatchObject({
    code: 0,
    out: "1 job submitted, 1 skipped because their jobs are not valid\n",
  });
  expect(await run("schedules list --late")).toMatchObject({ code: 0, out: "", err: "No schedules.\n" });
});

it("keeps the digits of payloads", async () => {
  const file = fileOf("digits", `{"every_ms":86400000,"job":{"type":"noop","payload":{"n":12345678901234567890}}}`);
  expect((await run(["schedules", "apply", "-f", file, "--json"])).out).toContain(
    `"payload":{"n":12345678901234567890}`,
  );
  expect((await run("schedules list --json")).out).toContain(`"payload":{"n":12345678901234567890}`);
});

it.each([
  [["apply"], "expected --file"],
  [["apply", "-f", "nowhere.json"], "nowhere.json cannot be read (ENOENT)"],
  [["apply", "-f", fileOf("broken", "{")], "is not JSON"],
  [["apply", "-f", fileOf("list", "[]")], "is not a JSON object"],
  [["apply", "-f", "schedule.txt"], "is not named NAME.json"],
  [["preview"], "expected the name of a schedule, or one --file"],
  [["pause", "a", "--until", "soon"], "Expected a time"],
])("rejects %j with code 2", async (args, message) => {
  expect(await run(["schedules", ...args])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringContaining(message) as string,
  });
});
