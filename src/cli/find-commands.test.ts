import { afterAll, describe, expect, it } from "vitest";
import { jsonLines, startCommandReplica } from "../testing/command-line.ts";

const { replica, run, submitted, failed, close } = await startCommandReplica();
afterAll(close);

const idsOf = async (...args: readonly string[]): Promise<string[]> =>
  jsonLines((await run(["list", "--json", "--all", ...args])).out).map(({ id }) => id);
const waiting = (tag: string) => submitted({ do: "return", value: tag }, "--delay", "1h", "--tag", tag);

describe("taskflow list", () => {
  it("finds jobs by the text of the filter box, and by options", async () => {
    const failure = await failed("test_io", "found");
    const later = await waiting("found");
    expect(await idsOf("-q", "tag:found status:failed,scheduled")).toEqual([later, failure]);
    expect(await idsOf("-q", "tag:found code:test_permanent since:1h")).toEqual([failure]);
    expect(await idsOf("-q", "tag:found payload.do:return")).toEqual([later]);
    expect(await idsOf("-q", "tag:found PERMANENT")).toEqual([failure]);
    expect(await idsOf("--tag", "found", "--tag", "other", "--status", "failed,running")).toEqual([failure]);
    expect(await idsOf("--tag", "found", "--finished-since", "1h")).toEqual([failure]);
    expect(await idsOf("--tag", "found", "--payload", "do=return")).toEqual([later]);
    expect(await idsOf("--tag", "found", "--worker", `none,${replica.id}`)).toEqual([failure]);
    expect(await run(["list", "-q", "tag:found worker:none"])).toMatchObject({ code: 0, out: "" });
    expect(await run("list --tag found --search nothing-like-it")).toMatchObject({
      code: 0,
      out: "",
      err: expect.stringMatching(/^0 found, \d+ examined\n$/) as string,
    });
  });

  it.each([
    [["list", "-q", "host:a"], '"host" is not a key'],
    [["list", "-q", "tag:a", "--tag", "b"], "-q and an option both filter by tag"],
    [["list", "--payload", "order"], "Expected PATH=VALUE"],
    [["cancel"], "expected either ids of jobs or --all"],
    [["cancel", "x", "--all"], "expected either ids of jobs or --all"],
    [["erase", "x", "--dry-run"], "need --all"],
    [["update", "x"], "expected a change"],
    [["update", "x", "--run-at", "soon"], "Expected now, or a time"],
    [["update", "x", "--run-at", "now", "--delay", "1h"], "use either --run-at or --delay"],
    [["update", "--all", "--payload", "{}"], "--payload needs ids of jobs"],
  ])("rejects %j with code 2", async (args, message) => {
    expect(await run(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(message) as string });
  });
});

describe("one job", () => {
  it("is changed, and run now", async () => {
    const id = await waiting("one");
    expect(await run(`update ${id} --priority 9 --tag a --tag b`)).toMatchObject({
      code: 0,
      out: `${id} is scheduled\n`,
    });
    expect(jsonLines((await run(`get ${id} --json`)).out)).toMatchObject([{ priority: 9, tags: ["a", "b"] }]);
    expect(jsonLines((await run(`update ${id} --run-at 2027-01-31T08:00:00Z --json`)).out)).toMatchObject([
      { run_at: "2027-01-31T08:00:00.000Z" },
    ]);
    expect(await run(`update ${id} --expires-at never`)).toMatchObject({ code: 0, out: `${id} is scheduled\n` });
    expect(jsonLines((await run(`update ${id} --no-tags --json`)).out)).toMatchObject([{ tags: [] }]);
    const other = await waiting("other");
    expect(await run(`update ${other} --run-at now`)).toMatchObject({ code: 0, out: `${other} is queued\n` });
    expect((await run(`run ${id}`)).code).toBe(0);
    expect(await run(`get ${id} --wait`)).toMatchObject({ code: 0 });
    expect(await run(`update ${id} --priority 1`)).toMatchObject({ code: 4 });
  });
});

describe("all jobs that match", () => {
  it("are counted first, and cancelled only when confirmed", async () => {
    const ids = [await waiting("bulk"), await waiting("bulk")];
    expect(await run("cancel --all --tag bulk --dry-run")).toMatchObject({ code: 0, out: "2 jobs with tag bulk\n" });
    expect(await run("cancel --all --tag bulk")).toMatchObject({
      code: 2,
      err: expect.stringContaining("pass --yes") as string,
    });
    expect(await run("cancel --all --tag bulk --yes")).toMatchObject({ code: 0, out: "2 jobs cancelled\n" });
    expect(await idsOf("--tag", "bulk", "--status", "cancelled")).toEqual(ids.reverse());
    expect(await run("cancel --all --tag bulk --yes")).toMatchObject({ code: 0, out: "0 jobs with tag bulk\n" });
  });
});

describe("the system", () => {
  it("shows failures by their cause, history, types, destinations and the audit", async () => {
    await failed("test_io", "grouped");
    const errors = await run("errors --since 24h");
    expect(errors).toMatchObject({ code: 0 });
    expect(errors.out).toMatch(/^ *count {2}type +code +first seen/);
    expect(errors.out).toContain("test_permanent");
    expect((await run("history --since 1h --step hour")).out).toMatch(/^from +completed +failed/);
    expect((await run("history --since 1h --by type")).out).toMatch(
      /^type +completed +failed +cancelled +retries +run time\n(?:.*\n)*test_io +\d+ +[1-9]\d* +\d+ +\d+ +\d/,
    );
    expect(await run("history --by status")).toMatchObject({ code: 2 });
    expect((await run("types")).out).toMatch(/^noop +io/m);
    expect(await run("destinations")).toMatchObject({ code: 0, err: "No host was called recently.\n" });
    expect(await run("destinations reset nowhere.example")).toMatchObject({ code: 4 });
    await run("pause noop --reason maintenance");
    expect((await run("queues noop")).out).toMatch(/^reason +maintenance$/m);
    await run("resume noop");
    expect((await run("audit --json --action queues.pause --limit 1")).code).toBe(0);
  });
});
