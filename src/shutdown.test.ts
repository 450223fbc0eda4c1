import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Job } from "./core/job.ts";
import { createLog } from "./log.ts";
import { Shutdown } from "./shutdown.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DRAIN_MS = 30_000;
const someJobs = (count: number): Job[] => Array.from({ length: count }, (_, n) => ({ id: `id-${n}`, type: "report", attempt: 1 }) as Job);

/** What `serving` is ended by; its drain ends when `finish` is called. */
function setup({ jobs = someJobs(3) } = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: "info", replica: "test", destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) } });
  const exits: number[] = [];
  const shutdown = new Shutdown({ log, drainMs: DRAIN_MS, exit: (code) => exits.push(code) });
  let finish = (): void => undefined;
  const close = vi.fn(() => new Promise<void>((resolve) => { finish = resolve; }));
  const ended = async (): Promise<readonly number[]> => {
    finish();
    await vi.advanceTimersByTimeAsync(0);
    return exits;
  };
  const told = (): unknown[] => lines.map(({ msg }) => msg);
  return { shutdown, serve: () => shutdown.serves({ close, jobs: () => jobs }), close, ended, exits, lines, told };
}

describe("a signal", () => {
  it("before the program serves ends it at once", () => {
    const { shutdown, exits } = setup();
    shutdown.signalled("SIGTERM");
    expect(exits).toEqual([1]);
  });

  it("drains it, and comes to no more when npm passes it on once more", async () => {
    const { shutdown, serve, close, ended, exits, told } = setup();
    serve();
    shutdown.signalled("SIGINT");
    vi.advanceTimersByTime(300);
    shutdown.signalled("SIGINT");
    expect([close.mock.calls.length, exits]).toEqual([1, []]);
    expect(await ended()).toEqual([0]);
    expect(told()).toEqual(["draining", "stopped"]);
  });

  it("that comes later again ends it at once, and says how many jobs are left to their leases", () => {
    const { shutdown, serve, exits, lines } = setup();
    serve();
    shutdown.signalled("SIGINT");
    vi.advanceTimersByTime(1_500);
    shutdown.signalled("SIGINT");
    expect(exits).toEqual([1]);
    expect(lines.at(-1)).toMatchObject({ level: "warn", signal: "SIGINT", jobs: 3, msg: expect.stringContaining("left to their leases") as string });
  });

  it("ends it even where closing hangs, after DRAIN_MS and a grace", () => {
    const { shutdown, serve, exits, told } = setup();
    serve();
    shutdown.signalled("SIGTERM");
    vi.advanceTimersByTime(DRAIN_MS + 15_000);
    expect(exits).toEqual([1]);
    expect(told()).toEqual(["draining", "closing took too long"]);
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

describe("a fault that nobody caught", () => {
  it("is logged with its stack and some of the jobs that ran, and drains", async () => {
    const { shutdown, serve, ended, lines } = setup({ jobs: someJobs(60) });
    serve();
    shutdown.faulted(new Error("stray"));
    const { error, jobs, ...line } = lines[0] as { error: { stack: string }; jobs: object[] };
    expect(line).toMatchObject({ level: "fatal", msg: "unexpected fault", running: 60 });
    expect(error.stack).toContain("shutdown.test.ts");
    expect(jobs).toHaveLength(50);
    expect(jobs[0]).toEqual({ job_id: "id-0", type: "report", attempt: 1 });
    expect(lines[1]).toMatchObject({ msg: "draining", reason: "fault" });
    expect(await ended()).toEqual([1]);
  });

  it("while it drains is only logged", async () => {
    const { shutdown, serve, close, ended, exits, told } = setup();
    serve();
    shutdown.signalled("SIGTERM");
    shutdown.faulted(new Error("stray"));
    expect([close.mock.calls.length, exits]).toEqual([1, []]);
    expect(await ended()).toEqual([1]);
    expect(told()).toEqual(["draining", "unexpected fault while draining", "stopped"]);
  });

  it("before the program serves ends it", async () => {
    const { shutdown, ended, told } = setup();
    shutdown.faulted("no error at all");
    expect(await ended()).toEqual([1]);
    expect(told()).toEqual(["unexpected fault"]);
  });
});
