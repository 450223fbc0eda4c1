import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { jsonLines, type RunOptions, startCommandReplica } from "../testing/command-line.ts";
import { closedPort, jobWhen } from "../testing/replica.ts";

const { replica, run, submitted, failed, close } = await startCommandReplica();
afterAll(close);

describe("taskflow submit and get", () => {
  it("prints the id, and later the job", async () => {
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
    const masked = out
      .replaceAll(id, "ID")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME")
      .replaceAll(/\d+(?:\.\d+)? m?s\b/g, "DURATION")
      .replaceAll(replica.id, "REPLICA");
    expect(masked).toMatchInlineSnapshot(`
      "id        ID
      type      test_io
      status    completed
      attempt   1 of 4
      priority  7
      group     g
      tags      a, b
      worker    REPLICA
      created   TIME
      started   TIME
      finished  TIME (ran DURATION)
      payload   {"do":"return","value":"\\u001b[31mred"}
      result    "\\u001b[31mred"
      "
    `);
  });

  it("prints the times before and after which a job does not start", async () => {
    const id = await submitted({ do: "return" }, "--delay", "1h");
    expect((await run(["update", id, "--expires-at", "2099-02-01T00:00:00Z"])).code).toBe(0);
    expect((await run(`get ${id}`)).out).toMatch(/\nstarts at +\S+Z\nexpires at +2099-02-01T00:00:00.000Z\n/);
  });

  it("reads the payload from standard input, and waits until the job has ended", async () => {
    const { code, out } = await run("submit test_io --payload - --wait --json", {
      input: Readable.from(['{"do":"return","value":42}']),
    });
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([{ status: "completed", result: 42 }]);
  });

  it("exits with 1 if the job failed, and with 5 if it did not end in time", async () => {
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

  it("continues after a rejected job, prints each rejection, and exits with 4", async () => {
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

  it("submits one job for one idempotency key", async () => {
    const ids = [
      await submitted({ do: "return" }, "--idempotency-key", "once"),
      await submitted({ do: "return" }, "--idempotency-key", "once"),
    ];
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("rejections", () => {
  it("list every issue and exit with code 4, with --json too", async () => {
    const line = ["submit", "email", "--payload", '{"to":"nobody"}'];
    expect(await run(line)).toMatchObject({
      code: 4,
      out: "",
      err: expect.stringMatching(/^taskflow: The request has \d errors\.\n(?: {2}\/payload\/\w+: .+\n)+$/) as string,
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

  it("name the address that does not answer, and exit with code 3", async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    expect(await run(`stats --url ${url}`)).toMatchObject({
      code: 3,
      err: `taskflow: No answer from ${url}: ECONNREFUSED\nSet the address of the server with --url or TASKFLOW_URL.\n`,
    });
  });

  it.each([
    ["submit email", "required option '--payload <json>' not specified"],
    ["submit email --payload {", "--payload: the payload is not JSON"],
    ["submit email --payload []", "--payload: the payload is not a JSON object"],
    ["submit email --payload @/nowhere/there.json", "--payload: /nowhere/there.json cannot be read (ENOENT)"],
    ["submit email --payload {} --priority 10", "Expected an integer from 0 to 9"],
    ["list --since yesterday", "Expected how long ago"],
    ["list --status done", "Allowed choices are waiting, scheduled, queued"],
    ["retry", "expected ids of jobs, or one of --failed and --cancelled"],
    ["retry x --failed", "expected ids of jobs, or one of"],
    ["retry x --dry-run", "need --failed or --cancelled, and cannot be combined with ids"],
    ["retry --failed --cancelled", "use either --failed or --cancelled, not both"],
    ["tail x --type email", "cannot be combined with a job id"],
    ["stats --url ftp://x", "--url: expected a URL"],
    ["stats --key schlüssel", "--key: the API key has characters that are not allowed"],
  ])("rejects `%s` with code 2", async (line, message) => {
    const { code, out, err } = await run(line);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
    expect(err).not.toContain("schlüssel");
  });
});

describe("taskflow list", () => {
  it("lists the matching jobs in an aligned table, or as one line of JSON per job", async () => {
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

  it("uses colours on a terminal only, and not if NO_COLOR is set", async () => {
    await failed("test_io", "coloured");
    const list = async (more: RunOptions) => (await run("list --tag coloured --all", more)).out;
    expect(await list({ isTTY: true })).toContain("\u001b[31mfailed\u001b[39m");
    for (const more of [{}, { isTTY: true, env: { NO_COLOR: "1" } }, { isTTY: true, env: { TERM: "dumb" } }])
      expect(await list(more)).not.toContain("\u001b");
  });
});
