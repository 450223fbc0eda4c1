import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../config/config.ts";
import { idPrefix, makeId } from "../core/id.ts";
import type { Job } from "../core/job.ts";
import type { Queue } from "../queue/queue.ts";
import { AcceptanceLogWriter } from "../results/acceptance-log/writer.ts";
import { migrate } from "../results/migrate.ts";
import { Recorder } from "../results/recorder/recorder.ts";
import { idAt, outcomeWith } from "../testing/outcomes.ts";
import { enqueue, enqueueRaw, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { freshDatabase, freshRedis } from "../testing/services.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import type { Inconsistency } from "../verify/inconsistency.ts";
import { verifyCommand } from "./verify-command.ts";

/** The fields of the command's JSON that these tests read. */
interface Findings {
  readonly faults: readonly Inconsistency[];
}

const NS = "{taskflow:0}:";
const STRANGER = makeId(idPrefix(1_700_000_000_000, 0, 7), 7);

let env: Record<string, string>;
let redis: Redis;
let queue: Queue;
/** The id of one job in each of the four states. */
let jobs: Record<"queued" | "scheduled" | "running" | "completed", string>;

beforeEach(async () => {
  const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  env = { REDIS_ADDR: address, DATABASE_URL: url };
  await migrate(url);
  redis = new Redis(address);
  queue = await openQueue(address);
});
afterEach(() => {
  queue.close();
  redis.disconnect();
});

async function verify({ isJson = false } = {}): Promise<{ code: number; text: string }> {
  const written: string[] = [];
  const out = { write: (text: string) => written.push(text) };
  const code = await verifyCommand({ config: loadConfig(env, []), isJson, out, pauseMs: 1 });
  return { code, text: written.join("") };
}

async function oneInEachPlace(): Promise<typeof jobs> {
  const [running = "", completed = ""] = await enqueue(queue, submission(), submission());
  const { claimed } = await queue.claim(1, 1, ioSlots({ noop: 2 }));
  await queue.settle(claimed.filter(({ id }) => id === completed).map(settled), 30_000);
  const [queued = "", scheduled = ""] = await enqueue(
    queue,
    submission(),
    submission({ options: { run_at: queue.clock.now() + 3_600_000 } }),
  );
  return { queued, scheduled, running, completed };
}

const settled = ({ id, type, priority, claimSeq, attempt, crashes, deferrals }: Job) =>
  ({
    id,
    type,
    priority,
    claimSeq,
    startedAt: 0,
    attempt,
    crashes,
    deferrals,
    verdict: "completed",
    runAt: 0,
    record: `{"outcome":"completed"}`,
  }) as const;

/** Writes the outcome of a job into Postgres. */
async function record(id: string): Promise<void> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const recorder = new Recorder({
    ...smallPayloads,
    databaseUrl: env.DATABASE_URL ?? "",
    maxRows: 10,
    highMark: 10,
    lowMark: 5,
    onRecorded: () => Promise.resolve(),
    log,
  });
  recorder.add([outcomeWith({ job: { id, type: "noop" } })]);
  await recorder.close(5_000);
}

describe("taskflow verify", () => {
  it("finds no inconsistency in an empty system", async () => {
    expect(await verify()).toMatchObject({
      code: 0,
      text: expect.stringContaining("No inconsistency found.") as string,
    });
  });

  it("reports jobs that are committed in Postgres but neither in Redis nor recorded", async () => {
    const ago = Date.now() - 300_000;
    const [lost, waiting, recorded, young] = [idAt(ago), idAt(ago), idAt(ago), idAt(Date.now())];
    const acceptanceLogWriter = new AcceptanceLogWriter({
      databaseUrl: env.DATABASE_URL ?? "",
      namespace: "taskflow:0",
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    const jobs = [lost, waiting, recorded, young].map((id) => ({
      id,
      submission: submission({ options: { durability: "postgres" } }),
    }));
    expect(await new Promise((resolve) => acceptanceLogWriter.accept({ jobs }, resolve))).toEqual({
      kind: "committed",
    });
    await acceptanceLogWriter.close();
    await enqueueRaw(queue, { ids: [waiting], submissions: [submission()] });
    await record(recorded);
    const { code, text } = await verify({ isJson: true });
    expect(code).toBe(1);
    expect((JSON.parse(text) as Findings).faults).toMatchObject([{ kind: "accepted_lost", id: lost }]);
  });

  it("finds no inconsistency in a system with a job in each set and one row in Postgres", async () => {
    const { completed } = await oneInEachPlace();
    await record(completed);
    await queue.forget([{ id: completed, type: "noop" }]);
    const { code, text } = await verify();
    expect(text).toMatch(/^noop +4 +1 +1 +1 +0 +1 +0$/m);
    expect(text).toContain("3 jobs in Redis checked · 1 rows in Postgres");
    expect(code).toBe(0);
  });

  const past = (): number => Date.now() - 120_000;
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "a deleted string",
      () => redis.del(`${NS}j:${jobs.queued}`),
      /^no_string ID: is in live and ready:noop, but has no string$/,
    ],
    [
      "a copied id",
      () => redis.zadd(`${NS}scheduled`, 1, jobs.running),
      /^two_places ID: a running job of type noop is in scheduled and leased$/,
    ],
    [
      "an id in the queue of another type",
      () => redis.zadd(`${NS}ready:gone`, 1, jobs.queued),
      /^two_places ID: .* ready:noop and ready:gone$/,
    ],
    ["an id only in live", () => redis.zadd(`${NS}live`, 0, STRANGER), /^no_string ID: is in live, but has no string$/],
    [
      "an id only in a set",
      () => redis.zadd(`${NS}outbox`, past(), STRANGER),
      /^no_string ID: is in outbox, but has no string$/,
    ],
    [
      "a state of no job",
      () => redis.hset(`${NS}states`, STRANGER, "c010000---"),
      /^no_string ID: is in states, but has no string$/,
    ],
    [
      "a payload of no job",
      () => redis.set(`${NS}p:${STRANGER}`, "{}"),
      /^no_string ID: is in payload, but has no string$/,
    ],
    [
      "a large job without its payload",
      () => redis.set(`${NS}j:${jobs.queued}`, "q5noop|3>100000||\n"),
      /^no_payload ID: a queued job of type noop has lost its payload$/,
    ],
    [
      "a job that is missing in every set",
      () => redis.zrem(`${NS}ready:noop`, jobs.queued),
      /^nowhere ID: a queued job of type noop is in none of/,
    ],
    [
      "a job that is missing in live",
      () => redis.zrem(`${NS}live`, jobs.scheduled),
      /^not_live ID: .* is in scheduled, but missing in live$/,
    ],
    [
      "a string of a job that is in no set",
      () => redis.rename(`${NS}j:${jobs.queued}`, `${NS}j:${STRANGER}`),
      /^nowhere ID: /,
    ],
    [
      "a state that contradicts its set",
      () => redis.setrange(`${NS}j:${jobs.queued}`, 0, "r"),
      /^wrong_place ID: a running job of type noop is in ready:noop$/,
    ],
    [
      "a string that does not belong to a job",
      () => redis.set(`${NS}j:${jobs.queued}`, "x"),
      /^unreadable ID: its string is not a job's: "x"$/,
    ],
    [
      "a row in Postgres for a job that is waiting",
      () => record(jobs.queued),
      /^recorded_and_live ID: is queued in Redis, and Postgres has its outcome$/,
    ],
    [
      "a lease that no replica takes over",
      () => redis.zadd(`${NS}leased`, past(), jobs.running),
      /^lease_overdue ID: its lease, of replica rep\d+, which is gone, ran out 12\d s ago/,
    ],
    [
      "an outcome that no replica records",
      () => redis.zadd(`${NS}outbox`, past(), jobs.completed),
      /^outbox_overdue ID: has ended, and no replica has recorded it within 12\d s/,
    ],
    [
      "a changed counter of a state",
      () => redis.hincrby(`${NS}counts`, "running:noop", 1),
      /^books -: jobs in leased: the counters say 2, the set has 1$/,
    ],
    [
      "a changed counter of ended jobs",
      () => redis.hincrby(`${NS}counts`, "failed:noop", -1),
      /^books -: jobs in the outbox: the counters say 0, the set has 1$/,
    ],
    [
      "a changed counter of accepted jobs",
      () => redis.hincrby(`${NS}counts`, "accepted:noop", 2),
      /^books -: accepted − recorded − jobs in the five sets = 2, not 0$/,
    ],
    [
      "a job counted under another state",
      () =>
        redis.eval(
          `redis.call('HINCRBY', KEYS[1], 'scheduled:noop', -1) redis.call('HINCRBY', KEYS[1], 'retrying:noop', 1)`,
          1,
          `${NS}counts`,
        ),
      /^books -: retrying jobs of type noop: the counters say 1, there are 0$/,
    ],
    [
      "a row that is missing in Postgres",
      () => queue.forget([{ id: jobs.completed, type: "noop" }]),
      /^books -: Postgres has 0 rows, but 1 jobs were recorded, none of which is past its retention$/,
    ],
  ])("reports %s", async (_, plant, expected) => {
    jobs = await oneInEachPlace();
    await plant();
    const { code, text } = await verify();
    const lines = text.split("\n").map((line) => line.replace(/[0-9a-f-]{36}/, "ID"));
    expect(lines).toContainEqual(expect.stringMatching(expected));
    expect(code).toBe(1);
  });

  it("reports hours whose counts in the history differ from the rows, if retention has kept these", async () => {
    await record(STRANGER);
    expect((await verify()).code).toBe(0);
    const client = new pg.Client({ connectionString: env.DATABASE_URL ?? "" });
    await client.connect();
    try {
      await client.query("update job_series set completed = completed + 1");
      const { code, text } = await verify();
      expect(text).toMatch(
        /^history -: jobs of type noop that finished in the hour from \S+ \(completed, failed, cancelled, retries, errors, run_total_ms\): the rows give 1, 0, 0, 0, 0, \d+, the history has 2, 0, 0, 0, 0, \d+$/m,
      );
      expect(code).toBe(1);
      await client.query("update job_series set minute = minute - interval '40 days'");
      await client.query("delete from jobs");
      expect((await verify()).code).toBe(0);
    } finally {
      await client.end();
    }
  });

  it("does not report leases shortly after an outage of Redis", async () => {
    const { running } = await oneInEachPlace();
    await redis.zadd(`${NS}leased`, past(), running);
    await redis.hset(`${NS}clock`, "grace_until", Date.now());
    expect((await verify()).code).toBe(0);
  });

  it("prints the whole result as JSON", async () => {
    jobs = await oneInEachPlace();
    await redis.del(`${NS}j:${jobs.queued}`);
    const findings = JSON.parse((await verify({ isJson: true })).text) as Findings;
    expect(Object.keys(findings)).toEqual(["books", "jobsSeen", "rows", "faults", "unexamined", "notes"]);
    expect(findings.faults).toEqual(
      expect.arrayContaining([{ kind: "no_string", id: jobs.queued, text: expect.any(String) as string }]),
    );
  });

  it("notes rows in Postgres that are older than an emptied Redis", async () => {
    await record(STRANGER);
    expect(await verify()).toMatchObject({
      code: 0,
      text: expect.stringContaining("1 rows, but this Redis has counted 0 as recorded") as string,
    });
  });

  it("limits the lines that it prints and the jobs that it checks again", async () => {
    await redis.eval(`for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], 0, 'gone' .. i) end`, 1, `${NS}live`, 11_000);
    const { code, text } = await verify();
    expect(text).toContain("… and 9000 more (--json lists all)");
    expect(text).toContain("… and 1000 more jobs that looked wrong");
    expect(code).toBe(1);
  });

  it("names the server that does not answer", async () => {
    await expect(
      verifyCommand({ config: loadConfig({ ...env, DATABASE_URL: "" }, []), isJson: false, out: process.stdout }),
    ).rejects.toThrow("REDIS_ADDR and DATABASE_URL must be set");
    env.DATABASE_URL = "postgres://nobody@127.0.0.1:1/none";
    await expect(verify()).rejects.toThrow("Postgres at 127.0.0.1:1 does not answer (the connection is refused)");
  });
});
