import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../client/contract.ts";
import type { TestReplica } from "../testing/replica.ts";
import { closedPort, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import type { CommandLine } from "./command.ts";
import { runCommand } from "./command.ts";

let replica: TestReplica;
beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  replica = await startReplica({ redis: redis.address, database: database.url, artifacts: tempDir() });
}, 60_000);
afterAll(() => replica.close());

interface More extends Partial<Pick<CommandLine, "signal" | "input">> {
  readonly env?: Record<string, string>;
  readonly isTTY?: boolean;
  readonly onOut?: (text: string) => void;
}

/** Runs a command line against the replica; its words stand with spaces between, but for those given as a list. */
async function run(args: string | readonly string[], { env = {}, isTTY = false, onOut, ...more }: More = {}) {
  const texts = { out: "", err: "" };
  const code = await runCommand({
    args: typeof args === "string" ? args.split(" ") : args,
    version: "1.2.3",
    serve: () => Promise.resolve(),
    env: { TASKFLOW_URL: replica.url, ...env },
    out: {
      isTTY,
      write: (text) => {
        texts.out += text;
        onOut?.(text);
      },
    },
    err: { write: (text) => (texts.err += text) },
    input: Readable.from([]),
    ...more,
  });
  return { code, ...texts };
}

const submitted = async (payload: object, ...more: readonly string[]): Promise<string> => {
  const { out, err } = await run(["submit", "test_io", "--payload", JSON.stringify(payload), ...more]);
  expect(err).toBe("");
  return out.trim();
};
const failed = async (type: string, tag: string): Promise<string> => {
  const id = await submit(replica, type, { do: "permanent" }, { tags: [tag] });
  await jobWhen(replica, id, "failed");
  return id;
};
const jsonLines = <Line = Job>(text: string): Line[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

describe("taskflow submit and get", () => {
  it("prints the id, and later the job for people", async () => {
    const id = await submitted(
      { do: "return", value: "\u001b[31mred" },
      "--tag",
      "a",
      "--tag",
      "b",
      "--priority",
      "7",
      "--group",
      "g",
      "--max-attempts",
      "4",
    );
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const { code, out } = await run(`get ${id} --wait`);
    expect(code).toBe(0);
    for (const line of [
      /^id +[0-9a-f-]{36}$/m,
      /^status +completed$/m,
      /^attempt +1 of 4$/m,
      /^priority +7$/m,
      /^group +g$/m,
      /^tags +a, b$/m,
      /^finished .*\(ran \d.*\)$/m,
      /^result +"\\u001b\[31mred"$/m,
    ])
      expect(out).toMatch(line);
    expect(out).not.toContain("\u001b");
  });

  it("takes the payload from the standard input, and waits for the end", async () => {
    const { code, out } = await run("submit test_io --payload - --wait --json", {
      input: Readable.from(['{"do":"return","value":42}']),
    });
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([{ status: "completed", result: 42 }]);
  });

  it("ends with 1 when the job has failed, and with 5 when it has not ended in time", async () => {
    expect(await run(["submit", "test_io", "--payload", '{"do":"permanent"}', "--wait"])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^error +test_permanent: no use$/m) as string,
    });
    const id = await submitted({ do: "return" }, "--delay", "1h");
    expect(await run(`get ${id} --wait --timeout 50ms`)).toMatchObject({
      code: 5,
      err: expect.stringContaining("has not ended within 50 ms") as string,
    });
    expect(await run(`cancel ${id}`)).toMatchObject({ code: 0, out: `${id} is cancelled\n` });
    expect(await run(`get ${id} --wait`)).toMatchObject({ code: 1 });
  });

  it("goes on with the other jobs where one is refused, tells each refusal, and ends with 4", async () => {
    const [ended, waiting, unknown] = [
      await failed("test_io", "refused"),
      await submitted({ do: "return" }, "--delay", "1h"),
      "01890a5d-ac96-7000-babc-b302099a8057",
    ];
    const { code, out, err } = await run(`cancel ${ended} ${unknown} ${waiting}`);
    expect({ code, out }).toEqual({ code: 4, out: `${waiting} is cancelled\n` });
    expect(err.trim().split("\n")).toEqual([
      expect.stringContaining(`${ended} has already finished`),
      expect.stringContaining(`no job with the id ${unknown}`),
    ]);
    expect(await run(`retry ${unknown} ${ended} --wait`)).toMatchObject({
      code: 4,
      out: expect.stringContaining("test_permanent") as string,
    });
  });

  it("submits once under one key", async () => {
    const ids = [
      await submitted({ do: "return" }, "--idempotency-key", "once"),
      await submitted({ do: "return" }, "--idempotency-key", "once"),
    ];
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("refusals", () => {
  it("names every fault with code 4, as JSON too", async () => {
    const line = ["submit", "email", "--payload", '{"to":"nobody"}'];
    expect(await run(line)).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^taskflow: The request has \d faults\.\n(?: {2}\/payload\/\w+: .+\n)+$/) as string,
    });
    const { code, err } = await run([...line, "--json"]);
    expect(code).toBe(4);
    expect(JSON.parse(err)).toMatchObject({
      code: "validation_failed",
      status: 422,
      errors: expect.arrayContaining([expect.objectContaining({ path: "/payload/to" })]) as unknown,
    });
    expect(await run("get 01a20b8f-dc59-7000-a0b8-709b0c88f80f")).toMatchObject({ code: 4 });
  });

  it("says with code 3 that no server answers, and where it was looked for", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    expect(await run(`stats --url ${url}`)).toMatchObject({
      code: 3,
      err: `taskflow: No answer from ${url}: ECONNREFUSED\n--url or TASKFLOW_URL says where the server is.\n`,
    });
  });

  it.each([
    ["submit email", "required option '--payload <json>' not specified"],
    ["submit email --payload {", "--payload: the payload is no JSON"],
    ["submit email --payload []", "--payload: the payload is no JSON object"],
    ["submit email --payload @/nowhere/there.json", "--payload: /nowhere/there.json cannot be read (ENOENT)"],
    ["submit email --payload {} --priority 10", "Expected an integer from 0 to 9"],
    ["list --since yesterday", "Expected how long ago"],
    ["list --status done", "Allowed choices are scheduled, queued"],
    ["retry", "expected ids of jobs, or one of --failed and --cancelled"],
    ["retry x --failed", "expected ids of jobs, or one of"],
    ["retry x --dry-run", "go with --failed or --cancelled, not with ids"],
    ["retry --failed --cancelled", "are two calls"],
    ["tail x --type email", "go without an id"],
    ["stats --url ftp://x", "--url: expected a URL"],
    ["stats --key schlüssel", "--key: it has characters that no key has"],
  ])("refuses `%s` with code 2", async (line, message) => {
    const { code, out, err } = await run(line);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).not.toContain("schlüssel");
  });
});

describe("taskflow list", () => {
  it("lists what the filters name in an aligned table, or one job a line of JSON", async () => {
    const ids = [await failed("test_io", "listed"), await submitted({ do: "return" }, "--tag", "listed")];
    await jobWhen(replica, ids[1] ?? "");
    const { out } = await run("list --tag listed --since 1h");
    const [title = "", ...rows] = out.trimEnd().split("\n");
    expect(title).toMatch(/^id +type +status +attempt +created$/);
    expect(rows.map((row) => row.slice(0, 36))).toEqual(ids.reverse());
    expect(new Set(rows.map((row) => row.search(/completed|failed/)))).toEqual(new Set([title.indexOf("status")]));
    expect(rows[1]).toMatch(/1\/3 {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}test_permanent$/);
    expect(jsonLines((await run("list --tag listed --json")).out).map(({ id }) => id)).toEqual(ids);
    expect(jsonLines((await run("list --tag listed --json --limit 1")).out)).toHaveLength(1);
    expect(await run("list --tag listed --status scheduled")).toMatchObject({ code: 0, out: "", err: "No jobs.\n" });
  });

  it("colours on a terminal alone, and not where NO_COLOR says so", async () => {
    await failed("test_io", "coloured");
    const list = async (more: More) => (await run("list --tag coloured --all", more)).out;
    expect(await list({ isTTY: true })).toContain("\u001b[31mfailed\u001b[39m");
    for (const more of [{}, { isTTY: true, env: { NO_COLOR: "1" } }, { isTTY: true, env: { TERM: "dumb" } }])
      expect(await list(more)).not.toContain("\u001b");
  });
});

describe("taskflow retry", () => {
  it("runs a job once more as a new one", async () => {
    const id = await failed("test_io", "again");
    const { code, out } = await run(`retry ${id} --json`);
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([{ retry_of: id }]);
    expect(await run(`retry ${id} --wait`)).toMatchObject({ code: 1 });
  });

  const answering = (text: string): CommandLine["input"] => Object.assign(new PassThrough().end(text), { isTTY: true });

  it("asks before it does so in bulk", async () => {
    await failed("test_io", "bulk");
    await failed("test_io", "bulk");
    const copies = async (): Promise<number> =>
      jsonLines((await run("list --tag bulk --json")).out).filter(({ retry_of }) => retry_of !== null).length;
    const line = "retry --failed --type=test_io --tag bulk --since=1h";
    expect(await run(`${line} --dry-run`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^2 failed jobs of type test_io, with tag bulk, accepted since /) as string,
    });
    expect(await run(line)).toMatchObject({
      code: 2,
      err: expect.stringContaining("nobody can be asked here; --yes") as string,
    });
    expect(await run(line, { input: answering("n\n") })).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/^Run 2 failed jobs .* once more\? \[y\/N\] $/) as string,
    });
    expect(await copies()).toBe(0);
    expect(await run(`${line} --wait --rate 1000`, { input: answering("yes\n") })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^result +\{"matched":2,"replayed":2\}$/m) as string,
    });
    expect(await copies()).toBe(2);
    await until(async () => jsonLines((await run("list --tag bulk --status failed --json")).out).length === 4, {
      what: "the copies have failed",
    });
    expect(await run(`${line} --dry-run`)).toMatchObject({ out: expect.stringMatching(/^2 failed jobs /) as string });
    expect(await run(`${line} --dry-run --include-replayed`)).toMatchObject({
      out: expect.stringMatching(/^4 failed jobs /) as string,
    });
    expect(await run(`retry ${"0".repeat(8)}-0000-7000-8000-000000000000 --include-replayed`)).toMatchObject({
      code: 2,
    });
  });

  it("does not ask with --yes, nor where there is nothing to do", async () => {
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

  it("says why a job does not run, while its queue is paused and then", async () => {
    expect(await run("pause noop")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^noop is paused, \d+ jobs? waits?\n$/) as string,
    });
    const { out } = await run("submit noop --payload {}");
    expect(await run(`why ${out.trim()}`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^queue_paused: The queue of noop is paused/) as string,
    });
    expect((await run("queues")).out).toMatch(/^noop +paused +1 +[\d.]+ m?s +0 +0 +0$/m);
    expect(JSON.parse((await run("resume noop --json")).out)).toMatchObject({ type: "noop", state: "active" });
    expect(await run(`get ${out.trim()} --wait`)).toMatchObject({ code: 0 });
  });
});

describe("what is watched", () => {
  it("tails the changes of a type, one a line of JSON", async () => {
    let isTailing = true;
    const tailing = run("tail --type noop --status completed --json --limit 1").finally(() => (isTailing = false));
    while (isTailing) await jobWhen(replica, await submit(replica, "noop", {})); // the first may come before it listens
    const { code, out } = await tailing;
    expect(code).toBe(0);
    expect(jsonLines<Record<string, unknown>>(out)).toMatchObject([
      { kind: "status", type: "noop", status: "completed" },
    ]);
  });

  it("tails one job to its end, and ends as it did", async () => {
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

  it("tails one job in JSON with the whole job at its end, however large that is", async () => {
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

  it("shows the books once, or again and again", async () => {
    const { out } = await run("stats");
    for (const line of [
      /^type +scheduled +queued +running +retrying +completed +failed +cancelled$/m,
      /^all( +\d+){7}$/m,
      /^unaccounted +0$/m,
      /^replicas +1$/m,
    ])
      expect(out).toMatch(line);
    expect(JSON.parse((await run("stats --json")).out)).toMatchObject({ unaccounted: 0 });
    const ended = new AbortController();
    let looks = 0;
    const watch = await run("stats --watch 10ms", {
      isTTY: true,
      signal: ended.signal,
      onOut: () => (looks += 1) === 3 && ended.abort(),
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
