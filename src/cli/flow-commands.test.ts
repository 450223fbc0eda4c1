import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import type { Batch, Flow } from "../client/contract.ts";
import { jsonLines, startCommandReplica } from "../testing/command-line.ts";
import { jobWhen } from "../testing/replica.ts";
import { tempDir } from "../testing/services.ts";

const { replica, run, close } = await startCommandReplica();
afterAll(close);

const folder = tempDir();
function fileOf(name: string, content: object | string): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}
const job = (payload: object, more: object = {}) => ({ type: "test_io", payload, ...more });
const OK = { do: "return", value: { rows: 2 } };
const mask = (text: string, ids: readonly string[]): string =>
  ids
    .reduce((masked, id, n) => masked.replaceAll(id, `ID${n}`), text)
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "TIME")
    .replaceAll(/\d+(?:\.\d+)? m?s\b/g, "DURATION");

describe("taskflow flow", () => {
  const definition = {
    name: "order",
    jobs: {
      export: job(OK),
      thumbs: { batch: [job(OK), job({ do: "permanent" })], max_failures: 1 },
      mail: job({ do: "permanent" }, { after: ["export", "thumbs"] }),
      tidy: job(OK, { after: ["mail"], when: "ended" }),
      never: job(OK, { after: ["mail"] }),
    },
  };

  it("runs a flow from a file, shows it as a tree, and retries it", async () => {
    const file = fileOf("order.json", definition);
    const ran = await run(["flow", "run", file, "--wait", "--json"]);
    expect([ran.code, ran.err]).toEqual([1, ""]);
    const [flow] = jsonLines<Flow>(ran.out);
    const id = flow?.id ?? "";
    const ids = Object.values(flow?.jobs ?? {}).flatMap(({ job_id: one }) => one ?? []);
    expect(mask((await run(`flow get ${id}`)).out, [id, ...ids])).toMatchInlineSnapshot(`
      "id        ID0
      kind      flow
      name      order
      status    failed
      jobs      6: 3 completed, 2 failed, 1 cancelled
      created   TIME
      finished  TIME (after DURATION)

      node         status     type     job
      export       completed  test_io  ID1
      thumbs       completed  batch    1 completed, 1 failed
      └─ mail      failed     test_io  ID2  also after export
         ├─ tidy   completed  test_io  ID3  when ended
         └─ never  cancelled  test_io  ID4  because of ID2
      "
    `);
    expect((await run("flow list --name order --status failed")).out).toMatch(
      /^id +kind +name +status +jobs +created\n.* flow +order +failed +6 .* 3 completed, 2 failed, 1 cancelled\n$/,
    );
    expect((await run("flow list --name other")).err).toBe("No flows.\n");
    expect((await run(`flow jobs ${id} --node thumbs --status failed`)).out).toMatch(/test_io +failed/);
    expect((await run(`get ${ids[1] ?? ""}`)).out).toMatch(new RegExp(`\nflow +${id}, node mail\n`));
    await jobWhen(replica, ids[1] ?? "");
    const single = await run(`retry ${ids[1] ?? ""}`);
    expect([single.code, single.err]).toEqual([4, expect.stringContaining(`belongs to the flow ${id}`)]);
    expect((await run(`retry ${ids[1] ?? ""} --alone`)).code).toBe(0);
    const again = await run(`flow retry ${id} --from mail --wait`);
    expect([again.code, again.err]).toEqual([1, ""]);
    expect(again.out).toContain(id);
  });

  it("keeps the digits of payloads, and cancels flows", async () => {
    const text = `{"jobs":{"a":{"type":"test_io","payload":{"do":"return","value":12345678901234567890},"delay_ms":3600000},
      "b":{"batch":[{"type":"test_io","payload":{"do":"return","value":1.10},"delay_ms":3600000}]}}}`;
    const { out } = await run("flow run -", { input: Readable.from([text]) });
    const id = out.trim();
    const listed = (await run(`flow jobs ${id} --json`)).out;
    expect(listed).toContain('"value":12345678901234567890');
    expect(listed).toContain('"value":1.10');
    expect((await run(`flow cancel ${id} nothing`)).out).toBe(`${id} is being cancelled\n`);
    expect(await run(`flow get ${id} --wait`)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/status +cancelled/) as string,
    });
  });

  it.each([
    ["[]", "is not a JSON object"],
    ["{", "is not JSON"],
    ["{}", 'has no object "jobs"'],
    ['{"jobs":{"a":1}}', "the node a is not an object"],
  ])("does not send the file %s", async (text, message) => {
    const { code, err } = await run(["flow", "run", fileOf("wrong.json", text)]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("names a file that it cannot read", async () => {
    expect(await run("flow run /nowhere.json")).toMatchObject({
      code: 2,
      err: expect.stringContaining("ENOENT") as string,
    });
    expect(await run("batch create /nowhere.json")).toMatchObject({
      code: 2,
      err: expect.stringContaining("ENOENT") as string,
    });
  });
});

describe("taskflow batch", () => {
  const lines = (...jobs: readonly object[]): string => jobs.map((one) => `${JSON.stringify(one)}\n`).join("");

  it("creates a batch from lines, with callbacks, and waits for it", async () => {
    const file = fileOf("jobs.ndjson", `${lines(job(OK), job(OK))}\n${lines(job({ do: "permanent" }))}`);
    const callback = fileOf("callback.json", job(OK));
    const created = await run([
      ...["batch", "create", file, "--name", "pictures", "--max-failures", "1", "--on-complete", `@${callback}`],
      ...["--on-first-failure", JSON.stringify(job(OK)), "--wait"],
    ]);
    expect([created.code, created.err]).toEqual([0, ""]);
    expect(created.out).toMatch(/name +pictures\n/);
    expect(created.out).toMatch(/jobs +3: 2 completed, 1 failed\n/);
    expect(created.out).toMatch(/on_complete +[0-9a-f-]{36}\n/);
    const id = /^id +(\S+)/.exec(created.out)?.[1] ?? "";
    expect((await run(`batch jobs ${id} --status failed`)).out).toMatch(/test_io +failed/);
    const failed = jsonLines((await run(`batch jobs ${id} --status failed --json`)).out)[0];
    expect((await run(`get ${failed?.id ?? ""}`)).out).toMatch(new RegExp(`\nbatch +${id}\n`));
    expect(await run(`batch retry ${id} --wait --timeout 30s`)).toMatchObject({ code: 0 });
  });

  it("adds jobs to an open batch, closes and cancels it", async () => {
    const later = job(OK, { delay_ms: 3_600_000 });
    const { out } = await run("batch create - --open --close-after 1h", { input: Readable.from([lines(later)]) });
    const id = out.trim();
    expect((await run(`batch add ${id} -`, { input: Readable.from([lines(later, later)]) })).out).toBe(
      "2 jobs added\n",
    );
    expect((await run(`batch close ${id}`)).out).toBe(`${id} is closed\n`);
    expect(jsonLines<Batch>((await run(`batch get ${id} --json`)).out)).toMatchObject([{ total: 3, open: false }]);
    expect((await run(`batch cancel ${id}`)).out).toBe(`${id} is being cancelled\n`);
    expect((await run(`batch get ${id} --wait`)).code).toBe(1);
  });

  it("names the line that is not valid", async () => {
    const { code, err } = await run("batch create -", { input: Readable.from(["\n{"]) });
    expect([code, err]).toEqual([2, expect.stringContaining("the standard input, line 2, is not JSON")]);
  });
});
