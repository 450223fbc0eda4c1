import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestReplica } from "../testing/replica.ts";
import { call, jobWhen, startReplica, submit } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";

let replica: TestReplica;
beforeAll(async () => {
  const [redis, database] = await Promise.all([freshRedis(), freshDatabase()]);
  replica = await startReplica({
    redis: redis.address,
    database: database.url,
    artifacts: tempDir(),
    env: { DRAIN_MS: "200", RETRY_BASE_MS: "50", RETRY_MAX_MS: "100" },
  });
});
afterAll(() => replica.close());

type Attempt = Record<"number" | "waited_ms" | "ran_ms", number> & {
  outcome: string;
  log: string[];
  thread: number | null;
  error: { code: string } | null;
};
async function attemptsOf(id: string): Promise<Attempt[]> {
  return ((await call(replica, "GET", `/api/v1/jobs/${id}/attempts`)).body as { attempts: Attempt[] }).attempts;
}
async function recorded(): Promise<void> {
  await until(
    async () => ((await call(replica, "GET", "/api/v1/stats")).body as { outbox_depth: number }).outbox_depth === 0,
    { what: "everything is recorded" },
  );
}
const at = (line: string) => expect.stringMatching(new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z ${line}$`)) as string;

describe("the attempts at a job", () => {
  it("are all recorded: those that failed, and the one that did not", async () => {
    const id = await submit(replica, "test_io", { do: "fail", times: 2 });
    await jobWhen(replica, id);
    await recorded();
    const attempts = await attemptsOf(id);
    expect(attempts).toMatchObject([
      {
        number: 1,
        outcome: "retry",
        replica: replica.id,
        thread: null,
        error: { code: "test_failure", message: "failure 1" },
      },
      { number: 2, outcome: "retry", error: { message: "failure 2" } },
      {
        number: 3,
        outcome: "completed",
        replica: replica.id,
        error: null,
        log: [],
        ran_ms: expect.any(Number) as number,
      },
    ]);
    expect(attempts[0]?.log).toEqual([
      at("Error"),
      at(" +at .*fail .*io\\.mjs.*"),
      ...(attempts[0]?.log.slice(2) ?? []),
    ]);
    expect(replica.lines().find(({ msg, job_id }) => msg === "attempt settled" && job_id === id)).toMatchObject({
      level: "debug",
      type: "test_io",
      attempt: 1,
      outcome: "retry",
      end: "threw",
      ran_ms: expect.any(Number) as number,
      error: { code: "test_failure", message: "failure 1" },
    });
    // the delay between two attempts is neither
    for (const { waited_ms, ran_ms } of attempts) expect(waited_ms + ran_ms).toBeLessThan(5_000);
  });

  it("show the running one, and later the lines that its handler wrote", async () => {
    const id = await submit(replica, "test_io", { do: "progress" });
    await until(async () => (await attemptsOf(id))[0]?.outcome === "running", { what: "it runs" });
    expect(await attemptsOf(id)).toMatchObject([{ number: 1, outcome: "running", ran_ms: null, finished_at: null }]);
    await until(() => replica.lines().some(({ msg }) => msg === "forty"), { what: "the handler has written its line" });
    await call(replica, "DELETE", `/api/v1/jobs/${id}`);
    await jobWhen(replica, id, "cancelled");
    await recorded();
    expect(await attemptsOf(id)).toMatchObject([
      { number: 1, outcome: "cancelled", log: [at(`forty \\{"attempt":1\\}`)] },
    ]);
  });

  it("have the pool thread and its output if the job completes", async () => {
    const id = await submit(replica, "test_cpu", { do: "progress", ms: 1 });
    await jobWhen(replica, id, "completed");
    const expected = [
      {
        number: 1,
        outcome: "completed",
        thread: expect.any(Number) as number,
        log: [at(`on a thread \\{"seventy":true\\}`)],
      },
    ];
    expect(await attemptsOf(id)).toMatchObject(expected);
    await recorded();
    expect(await attemptsOf(id)).toMatchObject(expected);
    expect(await jobWhen(replica, id)).toMatchObject({ result: "done" });
  });

  it("have the stack of a bug on a pool thread, and none of a deliberate error", async () => {
    const [bug, meant] = [
      await submit(replica, "test_cpu", { do: "throw" }),
      await submit(replica, "test_cpu", { do: "permanent" }),
    ];
    await Promise.all([bug, meant].map((id) => jobWhen(replica, id, "failed")));
    expect((await attemptsOf(bug))[1]?.log.slice(0, 2)).toEqual([at("Error"), at(" +at .*cpu\\.mjs.*")]);
    expect(await attemptsOf(meant)).toMatchObject([{ log: [] }]);
  });

  it("are none for a job that was cancelled while it waited", async () => {
    const id = await submit(replica, "noop", {}, { delay_ms: 60_000 });
    await call(replica, "DELETE", `/api/v1/jobs/${id}`);
    expect(await attemptsOf(id)).toEqual([]);
    await recorded();
    expect(await attemptsOf(id)).toEqual([]);
  });
});
