import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Job } from "../core/job.ts";
import { createLog } from "../observability/log.ts";
import { Shutdown } from "./shutdown.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DRAIN_MS = 30_000;
const someJobs = (count: number): Job[] =>
  Array.from({ length: count }, (_, n) => ({ id: `id-${n}`, type: "report", attempt: 1 }) as Job);

/** What `serving` is ended by; its drain ends when `finish` is called. */
function setup({ jobs = someJobs(3), delayMs = 0 } = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: "info",
    replica: "test",
    destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const exits: number[] = [];
  const killedAfter: number[] = [];
  const shutdown = new Shutdown({
    log,
    drainMs: DRAIN_MS,
    delayMs,
    exit: (code) => exits.push(code),
    killAfter: (ms) => killedAfter.push(ms),
  });
  const leave = vi.fn();
  let finish = (): void => undefined;
  const close = vi.fn(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const ended = async (): Promise<readonly number[]> => {
    finish();
    await vi.advanceTimersByTimeAsync(0);
    return exits;
  };
  const logged = (): unknown[] => lines.map(({ msg }) => msg);
  return {
    shutdown,
    serve: () => shutdown.serves({ close, leave, jobs: () => jobs }),
    close,
    leave,
    ended,
    exits,
    lines,
    logged,
    killedAfter,
  };
}

describe("a signal", () => {
  it("before the program serves ends it at once", () => {
    const { shutdown, exits } = setup();
    shutdown.signalled("SIGTERM");
    expect(exits).toEqual([1]);
  });

  it("drains it, and npm's copy of the signal has no effect", async () => {
    const { shutdown, serve, close, ended, exits, logged } = setup();
    serve();
    shutdown.signalled("SIGINT");
    vi.advanceTimersByTime(300);
    shutdown.signalled("SIGINT");
    expect([close.mock.calls.length, exits]).toEqual([1, []]);
    expect(await ended()).toEqual([0]);
    expect(logged()).toEqual(["draining", "stopped"]);
  });

  it("that comes later ends it at once, and logs how many jobs run again", () => {
    const { shutdown, serve, exits, lines } = setup();
    serve();
    shutdown.signalled("SIGINT");
    vi.advanceTimersByTime(600);
    shutdown.signalled("SIGINT");
    expect(exits).toEqual([130]);
    expect(lines.at(-1)).toMatchObject({
      level: "warn",
      signal: "SIGINT",
      jobs: 3,
      msg: expect.stringContaining("run again when their leases expire") as string,
    });
  });

  it("ends it even if closing hangs, after DRAIN_MS and a grace period", () => {
    const { shutdown, serve, exits, logged } = setup();
    serve();
    shutdown.signalled("SIGTERM");
    vi.advanceTimersByTime(DRAIN_MS + 15_000);
    expect(exits).toEqual([1]);
    expect(logged()).toEqual(["draining", "closing took too long"]);
  });
});

describe("with SHUTDOWN_DELAY_MS", () => {
  it("a signal has it serve on, reported as not ready, and drains it after that time", async () => {
    const { shutdown, serve, close, leave, ended, logged, killedAfter } = setup({ delayMs: 5_000 });
    serve();
    shutdown.signalled("SIGTERM");
    await vi.advanceTimersByTimeAsync(4_900);
    expect([leave.mock.calls.length, close.mock.calls.length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(200);
    expect(close.mock.calls.length).toBe(1);
    expect(await ended()).toEqual([0]);
    expect(logged()).toEqual([
      "not ready any more, and serving until load balancers have noticed",
      "draining",
      "stopped",
    ]);
    expect(killedAfter).toEqual([5_000 + DRAIN_MS + 20_000]);
  });

  it("a second signal within that time ends it at once", () => {
    const { shutdown, serve, exits } = setup({ delayMs: 5_000 });
    serve();
    shutdown.signalled("SIGTERM");
    vi.advanceTimersByTime(1_000);
    shutdown.signalled("SIGTERM");
    expect(exits).toEqual([143]);
  });

  it("an uncaught error drains it without a delay", async () => {
    const { shutdown, serve, close, leave } = setup({ delayMs: 5_000 });
    serve();
    shutdown.faulted(new Error("stray"));
    await vi.advanceTimersByTimeAsync(0);
    expect([leave.mock.calls.length, close.mock.calls.length]).toEqual([0, 1]);
  });
});

it("that is unfit drains, and ends with a code that has it replaced", async () => {
  const { shutdown, serve, ended, lines } = setup();
  serve();
  shutdown.unfit();
  shutdown.signalled("SIGTERM"); // the first one: it goes on draining
  expect(await ended()).toEqual([1]);
  expect(lines[0]).toMatchObject({ msg: "draining", reason: "unfit" });
});

describe("an uncaught error", () => {
  it("is logged with its stack and some of the jobs that ran, and drains", async () => {
    const { shutdown, serve, ended, lines } = setup({ jobs: someJobs(60) });
    serve();
    shutdown.faulted(new Error("stray"));
    const { error, jobs, ...line } = lines[0] as { error: { stack: string }; jobs: object[] };
    expect(line).toMatchObject({ level: "fatal", msg: "unexpected error", running: 60 });
    expect(error.stack).toContain("shutdown.test.ts");
    expect(jobs).toHaveLength(50);
    expect(jobs[0]).toEqual({ job_id: "id-0", type: "report", attempt: 1 });
    expect(lines[1]).toMatchObject({ msg: "draining", reason: "fault" });
    expect(await ended()).toEqual([1]);
  });

  it("while it drains is only logged", async () => {
    const { shutdown, serve, close, ended, exits, logged } = setup();
    serve();
    shutdown.signalled("SIGTERM");
    shutdown.faulted(new Error("stray"));
    expect([close.mock.calls.length, exits]).toEqual([1, []]);
    expect(await ended()).toEqual([1]);
    expect(logged()).toEqual(["draining", "unexpected error while draining", "stopped"]);
  });

  it("before the program serves ends it", async () => {
    const { shutdown, ended, logged } = setup();
    shutdown.faulted("no error at all");
    expect(await ended()).toEqual([1]);
    expect(logged()).toEqual(["unexpected error"]);
  });
});
