import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../core/job.ts";
import { Attempt } from "../execute/attempt.ts";
import type { LogLines } from "../queue/log-channel.ts";
import type { Queue } from "../queue/queue.ts";
import { setUpQueues } from "../testing/queue-setup.ts";
import { until } from "../testing/until.ts";
import { Beat } from "./beat.ts";
import { Leases } from "./leases.ts";
import { LogFollowers } from "./log-followers.ts";

const setup = setUpQueues();
const STARTED_AT = Date.UTC(2026, 0, 1);

/** Runs the jobs. */
let worker: Queue;
/** Follows them. */
let api: Queue;
let leases: Leases;
let followers: LogFollowers;
/** The lines that have arrived, by batch. */
let batches: LogLines[];
beforeEach(async () => {
  [worker, api] = [await setup().replica({ replica: "work0001" }), await setup().replica({ replica: "api00001" })];
  batches = [];
  api.logChannel.listen({ onLines: (lines) => batches.push(lines) });
  leases = new Leases({
    queue: worker,
    leaseMs: 60_000,
    beat: new Beat(),
    about: () => "{}",
    onGivenUp: () => undefined,
    onError: () => undefined,
  });
  const onError = (error: unknown): void => expect(error).toBeUndefined();
  followers = new LogFollowers({ channel: worker.logChannel, leases, replica: "work0001", onError });
  worker.logChannel.listen({ onRequests: followers.take });
});
afterEach(async () => {
  followers.close();
  await leases.close();
});

let jobs = 0;
function started(id = `job-${(jobs += 1)}`): Attempt {
  const attempt = new Attempt({ id, claimSeq: 1, attempt: 2, startedAt: STARTED_AT } as Job, 60_000, () => undefined);
  leases.add(attempt, performance.now());
  return attempt;
}

async function followed(attempt: Attempt, from = 1): Promise<void> {
  await api.logChannel.request("work0001", [{ id: attempt.job.id, from }]);
  await until(() => attempt.logFollower !== undefined, { what: "the worker has the request" });
}

function log(attempt: Attempt, first: number, last: number): void {
  for (let n = first; n <= last; n += 1) attempt.keep(`line ${n}`, undefined);
}

const seen = (): string[] => batches.flatMap(({ lines }) => lines.map((line) => line.slice(line.indexOf(" ") + 1)));
const arrived = (count: number) => until(() => seen().length >= count, { what: `${count} lines have arrived` });
const numbered = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `line ${first + i}`);

async function published(): Promise<number> {
  return Number(/cmdstat_publish:calls=(\d+)/.exec(await setup().redis.info("commandstats"))?.[1] ?? 0);
}

describe("the log of a running attempt", () => {
  it("costs no call while nobody follows the job", async () => {
    await setup().redis.config("RESETSTAT");
    const attempt = started();
    log(attempt, 1, 100);
    attempt.end({ kind: "released" });
    await worker.time();
    expect([attempt.logFollower, await published()]).toEqual([undefined, 0]);
  });

  it("is sent from the requested line on, then line by line, in a few batches", async () => {
    const attempt = started();
    log(attempt, 1, 3);
    await followed(attempt, 2);
    await arrived(2);
    log(attempt, 4, 23);
    await arrived(22);
    expect(seen()).toEqual(numbered(2, 23));
    expect(batches).toMatchObject([
      { id: attempt.job.id, attempt: 2, worker: "work0001", startedAt: STARTED_AT, first: 2 },
      { first: 4 },
    ]);
  });

  it("leaves out lines of a handler that logs too fast, which their numbers show", async () => {
    const attempt = started();
    log(attempt, 1, 1);
    await followed(attempt);
    await arrived(1);
    log(attempt, 2, 500);
    await arrived(51);
    expect(batches.map(({ first, lines }) => [first, lines.length])).toEqual([
      [1, 1],
      [451, 50],
    ]);
    expect(seen()).toEqual(["line 1", ...numbered(451, 500)]);
  });

  it("is sent to the end when the attempt ends, before the job is settled", async () => {
    const attempt = started();
    await followed(attempt);
    log(attempt, 1, 2);
    const [, , ...rest] = ["line 1", "line 2", "line 3", "line 4"].map((line) => `2026-01-01T00:00:00.000Z ${line}`);
    const all = ["2026-01-01T00:00:00.000Z line 1", "2026-01-01T00:00:00.000Z line 2", ...rest];
    attempt.end({ kind: "released" }, { thread: 1, log: all }, 4); // two lines of the thread have not arrived
    await worker.jobCounts(); // a later call, as the settlement is
    await arrived(4);
    expect(seen()).toEqual(numbered(1, 4));
    attempt.keep("after its end", undefined);
    expect(attempt.logFollower).toBeUndefined();
  });

  it("is sent again from the line that a replica asks for again", async () => {
    const attempt = started();
    log(attempt, 1, 3);
    await followed(attempt);
    await arrived(3);
    await followed(attempt, 3);
    await arrived(4);
    expect(seen()).toEqual([...numbered(1, 3), "line 3"]);
  });

  it("is no longer sent once the replica has said that nobody follows", async () => {
    const [attempt, other] = [started(), started()];
    await followed(attempt);
    await followed(other);
    await api.logChannel.request("work0001", [{ id: attempt.job.id, from: 0 }]);
    await until(() => attempt.logFollower === undefined, { what: "the worker has the message" });
    log(attempt, 1, 1);
    other.keep("of the other", undefined);
    await arrived(1);
    expect(seen()).toEqual(["of the other"]);
  });

  it("is sent though the request arrived before the job had started", async () => {
    await api.logChannel.request("work0001", [{ id: "later", from: 1 }]);
    await api.logChannel.request("work0001", [{ id: "never", from: 1 }]);
    await worker.time();
    const attempt = started("later");
    log(attempt, 1, 1);
    await arrived(1);
    expect(seen()).toEqual(["line 1"]);
  });

  it("is not sent by a replica that has lost the lease", async () => {
    const [lost, other] = [started(), started()];
    await followed(lost);
    await followed(other);
    lost.stop("lost");
    log(lost, 1, 1);
    lost.end({ kind: "lost" });
    other.keep("of the other", undefined);
    await arrived(1);
    expect(seen()).toEqual(["of the other"]);
  });
});
