/** The built program as its operator meets it: real processes, on the Redis and Postgres of the run or on their own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { CRASH_BUDGET } from "./core/settle.ts";
import { redisCommand } from "./embedded/redis-command.ts";
import { lastServer } from "./embedded/server-process.ts";
import { answer, HttpPeer } from "./testing/http-peer.ts";
import { installation, launch, ownFolder } from "./testing/installation.ts";
import { testJobsDir } from "./testing/jobs-dir.ts";
import type { Ended, Program } from "./testing/process.ts";
import type { Row } from "./testing/recorded.ts";
import { allRecorded, rowsOf, statsOf } from "./testing/recorded.ts";
import type { TestReplica } from "./testing/replica.ts";
import { call, closedPort, getJob, jobWhen, submit } from "./testing/replica.ts";
import { ownRedis, tempDir } from "./testing/services.ts";
import { Submitters } from "./testing/submitters.ts";
import { until } from "./testing/until.ts";

const TIMEOUT_MS = 300_000;
// A killed replica's outcomes wait in the outbox for 30 s before another one records them; the rest is for slow
// machines.
const WITHIN_MS = 120_000;
const ORDERLY: Ended = { code: 0, signal: null };
const ISSUE: Ended = { code: 1, signal: null };
const WRONG: Ended = { code: 2, signal: null };
const TERMINATED: Ended = { code: 143, signal: null };

async function submitBatch(replica: TestReplica, jobs: readonly object[]): Promise<string[]> {
  const { status, body } = await call(replica, "POST", "/api/v1/jobs/batch", { jobs });
  expect(status).toBe(202);
  return (body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
}

const sleeper = (ms: number) => ({ type: "test_io", payload: { do: "sleep", ms } });

function someSleepers(count: number, ms: number): object[] {
  return Array.from({ length: count }, () => sleeper(ms));
}

/** Each accepted job has its one row, and no more are there than submissions that nobody answered. */
function expectRowOfEach(accepted: readonly string[], rows: readonly Row[], unanswered = 0): void {
  const ids = new Set(rows.map(({ id }) => id));
  expect(ids.size).toBe(rows.length);
  expect(new Set(accepted).size).toBe(accepted.length);
  expect(accepted.filter((id) => !ids.has(id))).toEqual([]);
  expect(rows.length - accepted.length).toBeLessThanOrEqual(unanswered);
}

describe.concurrent("a kill -9", { timeout: TIMEOUT_MS }, () => {
  it("of the only replica, in a backlog: started again on its own data folder, it loses nothing", async () => {
    const folder = ownFolder();
    const env = { TASKFLOW_JOBS: testJobsDir, WORKER_COUNT: "1", LEASE_MS: "1000", IO_SLOTS: "20" };
    const first = await launch(folder, env).ready();
    const ids = await submitBatch(first, someSleepers(1_500, 20));
    await until(async () => ((await statsOf(first)).totals.completed ?? 0) > 100, {
      what: "some have ended",
      timeoutMs: WITHIN_MS,
    });
    await first.kill();
    const second = await launch(folder, env).ready();
    const { totals, unaccounted } = await allRecorded(second, WITHIN_MS);
    expect({ completed: totals.completed, unaccounted }).toEqual({ completed: 1_500, unaccounted: 0 });
    const password = readFileSync(join(folder, "data/postgres/password"), "utf8");
    const port = /started Postgres on 127\.0\.0\.1:(\d+)/.exec(second.stderr)?.[1] ?? "";
    expectRowOfEach(ids, await rowsOf(`postgres://postgres:${password}@127.0.0.1:${port}/taskflow`));
    await second.close();
  });

  it("of one of two replicas under load: the other finishes all", async () => {
    const { database, start } = await installation();
    const [one, two] = await Promise.all([start({ IO_SLOTS: "40" }).ready(), start({ IO_SLOTS: "40" }).ready()]);
    const { workers } = (await call(two, "GET", "/api/v1/workers")).body as { workers: { id: string }[] };
    expect(workers.map(({ id }) => id).sort()).toEqual([one.id, two.id].sort());
    const load = new Submitters([one.url, two.url], sleeper(30));
    await until(() => load.accepted.length > 400, { what: "400 jobs are accepted", timeoutMs: WITHIN_MS });
    await one.kill();
    await until(() => load.accepted.length > 800, { what: "800 jobs are accepted", timeoutMs: WITHIN_MS });
    await load.stop();
    expect(await allRecorded(two, WITHIN_MS)).toMatchObject({ unaccounted: 0 });
    const rows = await rowsOf(database);
    expect(load.unexpected).toEqual([]);
    expectRowOfEach(load.accepted, rows, load.unanswered);
    expect(new Set(rows.map(({ worker, status }) => `${worker} ${status}`))).toEqual(
      new Set([`${one.id} completed`, `${two.id} completed`]),
    );
  });

  it("by a poison job, each time it runs, ends when its crash budget is spent; its neighbours complete", async () => {
    const { database, start } = await installation();
    const api = await start({ TASKFLOW_ROLE: "api" }).ready();
    const [poison = "", ...neighbours] = await submitBatch(api, [
      { type: "test_io", payload: { do: "kill" } },
      ...someSleepers(4, 100),
    ]);
    const isTakenOut = async (): Promise<boolean> => (await getJob(api, poison)).status === "failed";
    let worker = start({ TASKFLOW_ROLE: "worker" });
    let deaths = 0;
    while (!(await isTakenOut()) && deaths <= CRASH_BUDGET + 1) {
      await until(async () => worker.hasEnded || (await isTakenOut()), {
        what: "the worker dies, or the poison is taken out",
        timeoutMs: WITHIN_MS,
      });
      if (!worker.hasEnded) continue;
      deaths += 1;
      worker = start({ TASKFLOW_ROLE: "worker" });
      neighbours.push(await submit(api, "noop", {}));
    }
    expect(deaths).toBe(CRASH_BUDGET + 1);
    expect(await getJob(api, poison)).toMatchObject({ error: { code: "lost" }, attempt: 0 });
    await allRecorded(api, WITHIN_MS);
    const rows = await rowsOf(database);
    expectRowOfEach([poison, ...neighbours], rows);
    expect(rows.filter(({ status, attempt }) => status !== "completed" || attempt !== 1).map(({ id }) => id)).toEqual([
      poison,
    ]);
  });
});

describe.concurrent("a SIGTERM", { timeout: TIMEOUT_MS }, () => {
  it("under load: refuses new jobs, finishes what runs, and leaves the rest to another replica", async () => {
    const { database, start } = await installation();
    const peer = await HttpPeer.start();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    peer.respond(() => released.then(() => answer(200)));
    const one = await start({ IO_SLOTS: "20", OUTBOUND_ALLOW_PRIVATE: "true", DRAIN_MS: "120000" }).ready();
    const held = await submit(one, "webhook", { url: peer.url(), timeout_ms: 120_000 }, { timeout_ms: 120_000 });
    await until(() => peer.requests.length > 0, { what: "the webhook is under way", timeoutMs: WITHIN_MS });
    const backlog = await submitBatch(one, someSleepers(1_200, 200)); // 16 at once: 15 s of work
    const load = new Submitters([one.url], sleeper(100));
    await until(() => load.accepted.length > 100, { what: "100 jobs are accepted", timeoutMs: WITHIN_MS });
    one.signal("SIGTERM");
    await until(() => load.rejected > 50, { what: "50 jobs are refused", timeoutMs: WITHIN_MS });
    release();
    expect(await one.ended).toEqual(ORDERLY);
    await load.stop();
    await peer.close();
    expect(load.unexpected).toEqual([]);
    expect((await rowsOf(database)).length).toBeLessThan(backlog.length);
    const two = await start().ready();
    expect(await allRecorded(two, WITHIN_MS)).toMatchObject({ unaccounted: 0 });
    const rows = await rowsOf(database);
    expectRowOfEach([held, ...backlog, ...load.accepted], rows, load.unanswered);
    expect(rows.filter(({ status, attempt }) => status !== "completed" || attempt !== 1)).toEqual([]);
    expect(rows.find(({ id }) => id === held)?.worker).toBe(one.id);
  });

  it("that comes again after a second ends it at once", async () => {
    const { start } = await installation();
    const program = await start({ DRAIN_MS: "600000" }).ready();
    await jobWhen(
      program,
      await submit(program, "test_io", { do: "sleep", ms: 600_000 }, { timeout_ms: 600_000 }),
      "running",
    );
    program.signal("SIGTERM");
    await until(() => program.lines().some(({ msg }) => msg === "draining"), {
      what: "it drains",
      timeoutMs: WITHIN_MS,
    });
    program.signal("SIGTERM"); // npm's: one Ctrl-C comes twice
    await sleep(1_200);
    expect(program.hasEnded).toBe(false);
    program.signal("SIGTERM");
    expect(await program.ended).toEqual(TERMINATED);
    expect(program.lines().at(-1)).toMatchObject({
      jobs: 1,
      msg: "ended at once by a second signal; its jobs run again when their leases expire",
    });
  });

  it("during the start ends it, with the servers that it had started", async () => {
    const folder = ownFolder();
    const program = launch(folder);
    const redis = join(folder, "data/redis");
    await until(() => lastServer(redis)?.lives, { what: "its Redis runs", timeoutMs: WITHIN_MS });
    program.signal("SIGTERM");
    expect(await program.ended).toEqual(ISSUE);
    await until(() => lastServer(redis)?.lives === false, { what: "its Redis is gone", timeoutMs: WITHIN_MS });
  });
});

it("a rejection that a handler leaves behind drains the program: what ran beside it ends, and the log names it", {
  timeout: TIMEOUT_MS,
}, async () => {
  const { database, start } = await installation();
  const program = await start().ready();
  const id = await submit(program, "test_io", { do: "sleep", ms: 1_000 });
  await jobWhen(program, id, "running");
  await submit(program, "test_io", { do: "stray" });
  expect(await program.ended).toEqual(ISSUE);
  const { error, jobs } = program.lines().find(({ level }) => level === "fatal") as {
    error: { stack: string };
    jobs: object[];
  };
  expect(error.stack).toMatch(/left behind[^]*io\.mjs/);
  expect(jobs).toContainEqual({ job_id: id, type: "test_io", attempt: 1 });
  expect((await rowsOf(database)).find((row) => row.id === id)).toMatchObject({ status: "completed", attempt: 1 });
});

describe.concurrent("with nothing set", { timeout: TIMEOUT_MS }, () => {
  it("starts what it needs, sends an email, and has it still after a restart", async () => {
    const folder = ownFolder();
    const first = await launch(folder).ready();
    const id = await submit(first, "email", { to: "ada@example.com", subject: "Hello", body: "From TaskFlow" });
    const sent = await jobWhen(first, id);
    expect(sent).toMatchObject({ status: "completed", result: { accepted: ["ada@example.com"] } });
    expect((await call(first, "GET", "/dev/mail")).body).toMatchObject({ mail: [{ subject: "Hello" }] });
    for (const part of ["Redis", "Postgres", "mail catcher"]) expect(first.stderr).toContain(`started ${part} on `);
    expect(first.stderr).toContain(`curl -s ${first.url}/api/v1/jobs -H`);

    const rival = launch(folder);
    await expectOneSentence(rival, /The data folder \S+ is in use by process \d+: stop that one first/);
    first.signal("SIGTERM");
    expect(await first.ended).toEqual(ORDERLY);
    const second = await launch(folder).ready();
    expect(await getJob(second, id)).toEqual(sent);
    expect((await call(second, "GET", "/dev/mail")).body).toMatchObject({ mail: [{ subject: "Hello" }] });
    await second.close();
  });
});

/** It says what is wrong in one sentence, without a stack or a password, and ends. */
async function expectOneSentence(program: Program, sentence: RegExp, ended = ISSUE): Promise<void> {
  expect(await program.ended).toEqual(ended);
  expect(program.stderr).toMatch(sentence);
  expect(program.stderr).toMatch(/^taskflow: [^\n]+\n$/);
  expect(program.stderr + program.stdout).not.toContain("s3cret");
}

describe.concurrent("asked for what cannot be", { timeout: TIMEOUT_MS }, () => {
  it("shows its settings for --help", async () => {
    const program = launch(tempDir(), { WORKER_COUNT: "many" }, ["--help"]);
    expect(await program.ended).toEqual(ORDERLY);
    expect(program.stdout).toMatch(/^taskflow \d+\.\d+\.\d+\n/);
    for (const name of ["SERVER_ADDR", "REDIS_ADDR", "ARTIFACTS_DIR", "OUTBOUND_ALLOW_PRIVATE"])
      expect(program.stdout).toContain(`\n  ${name}  (`);
    expect(program.stderr).toBe("");
  });

  it("refuses an argument that it does not know", async () => {
    await expectOneSentence(launch(tempDir(), {}, ["--nope"]), /expected no argument but --help, got "--nope"/, WRONG);
  });

  it("lists every wrong variable, a line each", async () => {
    const program = launch(tempDir(), {
      WORKER_COUNT: "many",
      LEASE_MS: "5",
      REDIS_ADDR: "redis://:s3cret@",
      OUTBOUND_ALLOW_PRIVATE: "perhaps",
      TASKFLOW_ROLLE: "api",
    });
    expect(await program.ended).toEqual(WRONG);
    expect(
      program.stderr
        .replace(/^taskflow: /, "")
        .trimEnd()
        .split("\n")
        .map((line) => /^([A-Z_]+): (?:expected|no setting)/.exec(line)?.[1])
        .sort(),
    ).toEqual(["LEASE_MS", "OUTBOUND_ALLOW_PRIVATE", "REDIS_ADDR", "TASKFLOW_ROLLE", "WORKER_COUNT"]);
    expect(program.stderr).not.toContain("s3cret");
  });

  it("says that its port is taken", async () => {
    const { start } = await installation();
    const other = await start().ready();
    await expectOneSentence(
      start({ SERVER_ADDR: new URL(other.url).host }),
      /SERVER_ADDR: cannot listen on 127\.0\.0\.1:\d+: another program has that port/,
    );
    await other.close();
  });

  it("says that a folder cannot be written", async () => {
    const file = join(tempDir(), "file");
    writeFileSync(file, "");
    await expectOneSentence(
      launch(tempDir(), { DATA_DIR: file }),
      /The data folder of TaskFlow, \S+\/file, cannot be created or written/,
    );
    const { start } = await installation();
    await expectOneSentence(start({ ARTIFACTS_DIR: join(file, "artifacts") }), /ARTIFACTS_DIR\b.*\/file\/artifacts/);
  });

  it("says that Redis does not answer, or does not take its password", async () => {
    const { start } = await installation();
    const nobody = `127.0.0.1:${await closedPort()}`;
    const closed = expectOneSentence(
      start({ REDIS_ADDR: `redis://:s3cret@${nobody}` }),
      new RegExp(`Redis at ${nobody} does not answer .*set REDIS_ADDR`),
    );
    const redis = await ownRedis();
    await redisCommand(redis.port, "CONFIG", "SET", "requirepass", "another");
    await expectOneSentence(
      start({ REDIS_ADDR: `redis://:s3cret@127.0.0.1:${redis.port}` }),
      /Redis at .*(?:password|WRONGPASS)/,
    );
    await closed;
  });

  it("says that Postgres does not answer, or does not take its password", async () => {
    const { database, start } = await installation();
    const nobody = `127.0.0.1:${await closedPort()}`;
    await expectOneSentence(
      start({ DATABASE_URL: `postgres://ada:s3cret@${nobody}/taskflow` }),
      new RegExp(`Postgres at ${nobody} cannot be used .*DATABASE_URL`),
    );
    const wrong = new URL(database);
    wrong.password = "s3cret";
    await expectOneSentence(start({ DATABASE_URL: wrong.href }), /Postgres at .*password authentication failed/);
  });
});
