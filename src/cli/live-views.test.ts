import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { jsonLines, startCommandReplica } from "../testing/command-line.ts";
import { jobWhen, submit } from "../testing/replica.ts";
import { until } from "../testing/until.ts";
import type { CommandLine } from "./command.ts";

const { replica, run, submitted, failed, close } = await startCommandReplica();
afterAll(close);

describe("taskflow retry", () => {
  it("runs a job again as a new one", async () => {
    const id = await failed("test_io", "again");
    const { code, out } = await run(`retry ${id} --json`);
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([{ retry_of: id }]);
    expect(await run(`retry ${id} --wait`)).toMatchObject({ code: 1 });
  });

  const answering = (text: string): CommandLine["input"] => Object.assign(new PassThrough().end(text), { isTTY: true });

  it("asks for confirmation of a bulk retry", async () => {
    await failed("test_io", "bulk");
    await failed("test_io", "bulk");
    const reruns = async (): Promise<number> =>
      jsonLines((await run("list --tag bulk --json")).out).filter(({ retry_of }) => retry_of !== null).length;
    const line = "retry --failed --type=test_io --tag bulk --since=1h";
    expect(await run(`${line} --dry-run`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2 failed jobs of type test_io, with tag bulk, accepted since /) as string,
    });
    expect(await run(line)).toMatchObject({
      code: 2,
      err: expect.stringContaining("stdin is not a terminal, so the question cannot be asked; pass --yes") as string,
    });
    expect(await run(line, { input: answering("n\n") })).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^Run 2 failed jobs .* again\? \[y\/N\] $/) as string,
    });
    expect(await reruns()).toBe(0);
    expect(await run(`${line} --wait --rate 1000`, { input: answering("yes\n") })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^result +\{"matched":2,.*"replayed":2.*\}$/m) as string,
    });
    expect(await reruns()).toBe(2);
    await until(async () => jsonLines((await run("list --tag bulk --status failed --json")).out).length === 4, {
      what: "the reruns have failed",
    });
    expect(await run(`${line} --dry-run`)).toMatchObject({ out: expect.stringMatching(/^2 failed jobs /) as string });
    expect(await run(`${line} --dry-run --include-replayed`)).toMatchObject({
      out: expect.stringMatching(/^4 failed jobs /) as string,
    });
    expect(await run(`retry ${"0".repeat(8)}-0000-7000-8000-000000000000 --include-replayed`)).toMatchObject({
      code: 2,
    });
  });

  it("does not ask with --yes, or if no job matches", async () => {
    await failed("test_io", "sure");
    expect(await run("retry --failed --tag sure --yes")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[0-9a-f-]{36}\n$/) as string,
      err: "",
    });
    expect(await run("retry --cancelled --tag nobody")).toMatchObject({
      code: 0,
      out: "0 cancelled jobs with tag nobody\n",
    });
  });
});

describe("taskflow attempts and why", () => {
  it("shows attempts with their errors and logs", async () => {
    const id = await submitted({ do: "fail", times: 1 });
    await run(`get ${id} --wait`);
    const { out } = await run(`attempts ${id}`);
    expect(out).toMatch(
      /^attempt {2}outcome +started +waited +ran {2}replica +error\n +1 {2}retry .* test_failure: failure 1\n +2 {2}completed /,
    );
    const logging = await submitted({ do: "progress" });
    const hasLogged = new AbortController();
    await run(`tail ${logging}`, {
      signal: hasLogged.signal,
      onOut: (text) => {
        if (text.includes("40 %")) hasLogged.abort();
      },
    });
    await run(`cancel ${logging}`);
    await run(`get ${logging} --wait`);
    expect((await run(`attempts ${logging}`)).out).toMatch(/\nlog of attempt 1\n.*forty \{"attempt":1\}\n$/);
    expect(JSON.parse((await run(`attempts ${id} --json`)).out)).toMatchObject({
      attempts: [{ outcome: "retry" }, { outcome: "completed" }],
    });
  });

  it("explains why a job does not run while its queue is paused", async () => {
    expect(await run("pause noop")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^noop is paused, \d+ jobs? waits?\n$/) as string,
    });
    const { out } = await run("submit noop --payload {} --group g");
    const later = (await run("submit noop --payload {} --delay 1h")).out.trim();
    expect((await run("queues noop")).out).toMatch(
      new RegExp(
        `^type +noop\\nstate +paused\\nqueued +1\\nby priority +5: 1\\noldest +[\\d.]+ m?s\\nscheduled +1\\nretrying +0\\nrunning +0 of \\d+\\nreplicas +${replica.id}\\n\\nwaiting +group\\n +1 +g\\n\\ndue +status +id\\n\\S+ +scheduled +${later}\\n$`,
      ),
    );
    expect(JSON.parse((await run("queues noop --json")).out)).toMatchObject({ depth: 1, by_priority: { 5: 1 } });
    await run(`cancel ${later}`);
    expect(await run("queues nope")).toMatchObject({ code: 4, out: "" });
    expect(await run(`why ${out.trim()}`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^queue_paused: The queue of noop is paused/) as string,
    });
    expect((await run("queues")).out).toMatch(/^noop +paused +1 +[\d.]+ m?s +0 +0 +0 +0$/m);
    expect(JSON.parse((await run("resume noop --json")).out)).toMatchObject({ type: "noop", state: "active" });
    expect(await run(`get ${out.trim()} --wait`)).toMatchObject({ code: 0 });
  });
});

describe("taskflow tail, stats and workers", () => {
  it("prints the changes of one type, one line of JSON per change", async () => {
    let isTailing = true;
    const tailing = run("tail --type noop --status completed --json --limit 1").finally(() => (isTailing = false));
    // the first jobs may end before the stream is open
    while (isTailing) await jobWhen(replica, await submit(replica, "noop", {}));
    const { code, out } = await tailing;
    expect(code).toBe(0);
    expect(jsonLines<Record<string, unknown>>(out)).toMatchObject([
      { kind: "status", type: "noop", status: "completed" },
    ]);
  });

  it("follows one job until it ends, and exits with its exit code", async () => {
    const id = await submitted({ do: "steps", percents: [10, 60], ms: 60 });
    const { code, out } = await run(`tail ${id}`);
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n").at(-1)).toMatch(
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} {2}${id} {2}completed {2,}test_io`),
    );
    expect(await run(`tail ${await failed("test_io", "tailed")}`)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/failed +test_io {2}test_permanent: no use\n$/) as string,
    });
  });

  it("prints the lines that the job logs", async () => {
    const id = await submitted({ do: "talk", lines: ["hello \u001b[31mred"], ms: 2_000 });
    const { out } = await run(`tail ${id}`);
    expect(out).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  ${id}  log {8}attempt 1: hello `, "m"));
    expect(out).not.toContain("\u001b[31m");
    const other = await submitted({ do: "talk", lines: ["hello"], ms: 2_000 });
    const { out: json } = await run(`tail ${other} --json --limit 2`);
    expect(jsonLines<Record<string, unknown>>(json)).toContainEqual(
      expect.objectContaining({ kind: "log", id: other, attempt: 1, number: 1, line: "hello" }),
    );
  });

  it("prints the whole finished job as JSON after its changes, even if it is large", async () => {
    const value = "x".repeat(100_000);
    const id = await submitted({ do: "return", value });
    const { out } = await run(`tail ${id} --json`);
    expect(jsonLines<Record<string, unknown>>(out).at(-1)).toMatchObject({
      kind: "status",
      status: "completed",
      job: { id, payload: null, payload_omitted: true, result: value },
    });
  });

  it("ends a tail when it is interrupted", async () => {
    const ended = new AbortController();
    const tailing = run("tail --type nothing", { signal: ended.signal });
    setTimeout(() => ended.abort(), 50);
    expect(await tailing).toMatchObject({ code: 0, out: "" });
  });

  it("shows the counts once, or repeatedly", async () => {
    const { out } = await run("stats");
    for (const line of [
      /^type +waiting +scheduled +queued +running +retrying +completed +failed +cancelled$/m,
      /^all( +\d+){8}$/m,
      /^unaccounted +0$/m,
      /^replicas +1$/m,
    ])
      expect(out).toMatch(line);
    expect(JSON.parse((await run("stats --json")).out)).toMatchObject({ unaccounted: 0 });
    const ended = new AbortController();
    let prints = 0;
    const watch = await run("stats --watch 10ms", {
      isTTY: true,
      signal: ended.signal,
      onOut: () => (prints += 1) === 3 && ended.abort(),
    });
    expect(watch).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^(?:\u001b\[H\u001b\[J[^]*?unaccounted[^]*?){3}$/) as string,
    });
  });

  it("shows the replicas", async () => {
    expect((await run("workers")).out).toMatch(
      new RegExp(`^${replica.id} .* all +\\S+Z +\\d+/\\d+ +\\d+/\\d+ +\\d+/1 `, "m"),
    );
  });
});
