import { describe, expect, it } from "vitest";
import type { Destination, Health, Queue, Worker } from "../../../client/taskflow.ts";
import type { Observed } from "./problems.ts";
import { problemsOf } from "./problems.ts";

const queue = (type: string, more: Partial<Queue> = {}): Queue => ({
  type,
  state: "active",
  paused_reason: null,
  depth: 0,
  waiting: 0,
  oldest_wait_ms: null,
  scheduled: 0,
  retrying: 0,
  running: 0,
  ...more,
});
const worker = (types: readonly string[], more: object = {}): Worker =>
  ({
    types: Object.fromEntries(types.map((type) => [type, { limit: 4, running: 0 }])),
    draining: false,
    ...more,
  }) as Worker;
const host = (name: string, more: Partial<Destination> = {}): Destination =>
  ({ host: name, state: "open", consecutive_failures: 5, waiting: 0, ...more }) as Destination;
const health = (redis: "ok" | "degraded", postgres: Health["checks"]["postgres"]): Health => ({
  status: "degraded",
  checks: { redis: { status: redis }, postgres, workers: { status: "ok" } },
});

const texts = (observed: Observed) => problemsOf(observed).map(({ text }) => text);

describe("the problems", () => {
  it("are none without data, and on a calm system", () => {
    expect(texts({})).toEqual([]);
    const queues = [queue("email", { depth: 9, oldest_wait_ms: 59_000 })];
    const failures = { lastHour: new Map([["email", 9]]), yesterday: new Map<string, number>() };
    expect(
      texts({
        health: health("ok", { status: "ok" }),
        unaccounted: 0,
        queues,
        workers: [worker(["email"])],
        destinations: [host("a.example", { state: "closed" }), host("b.example", { state: "half_open" })],
        failures,
      }),
    ).toEqual([]);
  });

  it("come worst first", () => {
    const problems = problemsOf({
      health: health("ok", { status: "degraded", error: "timeout" }),
      unaccounted: 2,
      queues: [
        queue("email", { state: "paused", paused_reason: "the provider is down", depth: 1 }),
        queue("webhook", { depth: 1_200, oldest_wait_ms: 3_725_000 }),
        queue("sms", { depth: 3, oldest_wait_ms: 90_000 }),
      ],
      earlierQueues: [queue("webhook", { oldest_wait_ms: 3_700_000 })],
      workers: [worker(["email", "webhook"])],
      destinations: [host("hooks.example")],
      lateSchedules: [{ name: "nightly", next_run_at: "2026-03-01T03:00:00.000Z" }],
      failures: { lastHour: new Map([["image_resize", 30]]), yesterday: new Map([["image_resize", 10]]) },
    });
    expect(problems.map(({ text }) => text)).toEqual([
      "Postgres does not answer: finished jobs wait in Redis, and the history cannot be read.",
      "2 accepted jobs are unaccounted for. taskflow verify lists them.",
      "No replica runs sms: 3 jobs wait.",
      "The queue email is paused (the provider is down): 1 job waits.",
      "The next job of webhook has waited for 1 h 2 min, and the wait grows.",
      "The schedule nightly is late: its tick of 2026-03-01T03:00:00Z is not decided.",
      "hooks.example is suspended after 5 failures in a row.",
      "30 jobs of image_resize failed in the last hour, 10 in the same hour yesterday.",
    ]);
    expect(problems.map(({ path, q }) => [path.join("/"), q])).toEqual([
      ["replicas", undefined],
      ["jobs", undefined],
      ["jobs", "type:sms status:queued"],
      ["queues/email", undefined],
      ["queues/webhook", undefined],
      ["schedules/nightly", undefined],
      ["destinations", undefined],
      ["jobs", "type:image_resize status:failed finished-since:1h"],
    ]);
  });

  it("are those of the services alone while Redis is away, because the rest is old", () => {
    const away = health("degraded", { status: "degraded", latency_ms: 2 });
    expect(texts({ health: away, unaccounted: 2, queues: [queue("email", { state: "paused" })] })).toEqual([
      "Redis does not answer: no jobs are accepted or started. The figures here are old.",
      "Postgres does not accept outcomes: finished jobs wait in Redis.",
    ]);
  });

  it("name a job that counts twice", () => {
    expect(texts({ unaccounted: -1 })).toEqual(["1 job is counted twice. taskflow verify lists them."]);
  });
});

describe("a type without a replica", () => {
  const queues = [queue("email", { depth: 2 }), queue("sms", { depth: 5 }), queue("idle")];

  it("is one that no replica claims", () => {
    const workers = [
      worker(["email", "sms"], { draining: true }),
      { ...worker([]), types: { sms: { limit: 0, running: 0 } } },
    ];
    expect(texts({ queues, workers })).toEqual([
      "No replica runs sms: 5 jobs wait.",
      "No replica runs email: 2 jobs wait.",
    ]);
  });

  it("is every type where no replica runs", () => {
    expect(problemsOf({ queues, workers: [] })).toEqual([
      { key: "no replica", severity: "error", text: "No replica runs jobs: 7 jobs wait.", path: ["replicas"] },
    ]);
  });
});

describe("a long wait", () => {
  const waits = (now: number | null, before?: number | null, more: Partial<Queue> = {}) =>
    texts({
      queues: [queue("email", { depth: 1, oldest_wait_ms: now, ...more })],
      ...(before !== undefined && { earlierQueues: [queue("email", { oldest_wait_ms: before })] }),
      workers: [worker(["email"])],
    });

  it("is over a minute and grows", () => {
    expect(waits(61_000, 31_000)).toEqual(["The next job of email has waited for 1 min 1 s, and the wait grows."]);
    expect(waits(61_000, null)).toHaveLength(1);
    expect(waits(61_000)).toHaveLength(1);
    expect(waits(60_000, 30_000)).toEqual([]);
    expect(waits(61_000, 61_000)).toEqual([]);
    expect(waits(61_000, 90_000)).toEqual([]);
  });

  it("is not reported where the queue is paused or has no replica, which says why", () => {
    expect(waits(61_000, 31_000, { state: "paused" })).toEqual(["The queue email is paused: 1 job waits."]);
    expect(
      texts({ queues: [queue("email", { depth: 1, oldest_wait_ms: 61_000 })], workers: [worker(["sms"])] }),
    ).toEqual(["No replica runs email: 1 job waits."]);
  });
});

describe("many failures", () => {
  const failures = (lastHour: Record<string, number>, yesterday: Record<string, number>) =>
    texts({ failures: { lastHour: new Map(Object.entries(lastHour)), yesterday: new Map(Object.entries(yesterday)) } });

  it("are ten, and three times those of the same hour yesterday", () => {
    expect(failures({ email: 10 }, {})).toHaveLength(1);
    expect(failures({ email: 9 }, {})).toEqual([]);
    expect(failures({ email: 29 }, { email: 10 })).toEqual([]);
    expect(failures({ email: 12, sms: 40 }, { email: 4 })).toEqual([
      "40 jobs of sms failed in the last hour, 0 in the same hour yesterday.",
      "12 jobs of email failed in the last hour, 4 in the same hour yesterday.",
    ]);
  });

  it("may be spread over types", () => {
    expect(failures({ email: 6, sms: 6 }, { fax: 4 })).toEqual([
      "12 jobs failed in the last hour, 4 in the same hour yesterday.",
    ]);
    expect(failures({ email: 6, sms: 6 }, { fax: 5 })).toEqual([]);
  });
});

it("sums up more than five lines of one kind", () => {
  const destinations = Array.from({ length: 300 }, (_, index) => host(`h${index}.example`, { waiting: index }));
  const problems = problemsOf({ destinations });
  expect(problems).toHaveLength(6);
  expect(problems[0]?.text).toBe("h299.example is suspended after 5 failures in a row.");
  expect(problems[5]).toMatchObject({ text: "295 more hosts suspended.", path: ["destinations"] });
  expect(new Set(problems.map(({ key }) => key)).size).toBe(6);
});
