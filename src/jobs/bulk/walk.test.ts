import { describe, expect, it } from "vitest";
import type { Rechecked } from "../../core/bulk.ts";
import type { Acted } from "../../core/reruns.ts";
import { QueueUnavailable } from "../../errors.ts";
import type { BulkOperation, WalkContext } from "./walk.ts";
import { walk } from "./walk.ts";

/** Ids 99 to 00, on pages of 10; those that pass are even. */
const ALL = Array.from({ length: 100 }, (_, i) => String(99 - i).padStart(2, "0"));

async function* matching(below = "zz"): AsyncGenerator<{ ids: string[]; reached: string }> {
  const left = ALL.filter((id) => id < below);
  for (let at = 0; at < left.length; at += 10) {
    const page = left.slice(at, at + 10);
    yield await Promise.resolve({ ids: page.filter((id) => Number(id) % 2 === 0), reached: page.at(-1) ?? "" });
  }
}

/** An operation on those jobs, and attempts at it, each of which finds what the one before has saved. */
function setup(
  act: (ids: readonly string[], done: Set<string>) => Acted | Promise<Acted> = all,
  live?: {
    readonly recheck: (ids: readonly string[], done: ReadonlySet<string>) => Rechecked;
    readonly remaining: (below: string | undefined) => number;
  },
) {
  const done = new Set<string>();
  const seen = { state: undefined as unknown, saves: 0, progress: [] as number[], logged: [] as string[] };
  const operation: BulkOperation = {
    matching,
    act: async (ids) => act(ids, done),
    ...(live && {
      recheck: (ids) => Promise.resolve(live.recheck(ids, done)),
      remaining: (below) => Promise.resolve(live.remaining(below)),
    }),
  };
  const attempt = (options: Partial<WalkContext> = {}) =>
    walk(operation, {
      state: seen.state,
      save: (state) => {
        seen.state = structuredClone(state);
        seen.saves += 1;
        return Promise.resolve();
      },
      signal: new AbortController().signal,
      timeoutMs: 3_600_000,
      progress: (percent) => void seen.progress.push(percent),
      log: (message) => void seen.logged.push(message),
      ...options,
    });
  return { done, seen, attempt };
}

function all(ids: readonly string[], done: Set<string>): Acted {
  for (const id of ids) done.add(id);
  return { examined: ids.length, done: ids.length };
}

describe("a walk", () => {
  it("acts on all jobs that pass, and counts them", async () => {
    const { done, seen, attempt } = setup();
    expect(await attempt()).toEqual({ matched: 50, done: 50, skipped: 0 });
    expect([done.size, seen.progress.at(-1)]).toEqual([50, 100]);
  });

  it("goes on where it was when its signal fired, and its counts with it", async () => {
    const controller = new AbortController();
    const { done, seen, attempt } = setup((ids, acted) => {
      if (acted.size === 20) controller.abort(new Error("drain"));
      // a job that it met before would keep it running endlessly
      return ids.some((id) => acted.has(id)) ? { examined: 0, done: 0 } : all(ids, acted);
    });
    await expect(attempt({ signal: controller.signal })).rejects.toThrow("drain");
    expect(seen.state).toMatchObject({ total: 50, isCounted: true, matched: 25, done: 25 });
    expect(await attempt()).toEqual({ matched: 50, done: 50, skipped: 0 });
    expect([done.size, Math.min(...seen.progress.slice(-6))]).toEqual([50, 50]);
  });

  it("gives the job back when the time of its attempt is over, the count unfinished or not, and each attempt gets on", async () => {
    const { done, seen, attempt } = setup();
    let attempts = 0;
    for (let result: unknown; result === undefined; attempts += 1) {
      const before = JSON.stringify(seen.state);
      result = await attempt({ timeoutMs: 0 }).catch((error: unknown) => {
        expect(error).toMatchObject({ name: "ReleaseError" });
      });
      if (result) expect(result).toEqual({ matched: 50, done: 50, skipped: 0 });
      else expect(JSON.stringify(seen.state)).not.toBe(before);
    }
    expect(done.size).toBe(50);
    expect(attempts).toBeGreaterThan(10);
  });

  it("waits for a quota without its slot, and for its pace in it", async () => {
    const { seen, attempt } = setup((ids, done) =>
      done.size < 13
        ? { ...all(ids.slice(0, 3), done), wait: { for: "pace", ms: 1 } }
        : { examined: 0, done: 0, wait: { for: "quota", ms: 60_000 } },
    );
    await expect(attempt()).rejects.toMatchObject({ code: "quota_exceeded", retryAfterMs: 60_000, waitsForTurn: true });
    expect(seen.state).toMatchObject({ matched: 13, done: 13 });
    expect(seen.logged).toEqual([expect.stringContaining("quota")]);
  });

  it("first checks the jobs of an interrupted call, and does not count first if it knows what remains", async () => {
    const calls: string[][] = [];
    let isInterrupted = false;
    const act = (ids: readonly string[], done: Set<string>): Acted => {
      calls.push([...ids]);
      const acted = all(isInterrupted ? ids : ids.slice(0, 2), done);
      if (isInterrupted || done.size < 20) return acted;
      isInterrupted = true;
      throw new Error("killed");
    };
    const { done, seen, attempt } = setup(act, {
      recheck: (ids, acted) => ({
        open: ids.filter((id) => !acted.has(id)),
        done: ids.filter((id) => acted.has(id)).length,
      }),
      remaining: (below) => ALL.filter((id) => id < (below ?? "zz")).length,
    });
    await expect(attempt()).rejects.toThrow("killed");
    const pending = calls.at(-1);
    expect(seen.state).toMatchObject({ total: 100, isCounted: true, pending });
    expect(await attempt()).toEqual({ matched: 50, done: 50, skipped: 0 });
    expect([done.size, seen.progress.at(-1)]).toEqual([50, 100]);
    expect(pending?.slice(0, 2).some((id) => calls.slice(-1).flat().includes(id))).toBe(false);
  });

  it("reports progress within a page, in a later attempt too", async () => {
    const ids = Array.from({ length: 800 }, (_, i) => String(999 - i));
    const controller = new AbortController();
    const progress: number[] = [];
    let state: unknown;
    const attempt = (signal: AbortSignal) =>
      walk(
        {
          matching: async function* (below = "a") {
            yield await Promise.resolve({ ids: ids.filter((id) => id < below), reached: "200" });
          },
          act: (some) => {
            if (progress.length === 2) controller.abort(new Error("drain"));
            return Promise.resolve({ examined: some.length, done: some.length });
          },
          recheck: (some) => Promise.resolve({ open: some, done: 0 }),
          remaining: (below = "a") => Promise.resolve(ids.filter((id) => id < below).length),
        },
        {
          state,
          save: (saved) => {
            state = structuredClone(saved);
            return Promise.resolve();
          },
          signal,
          timeoutMs: 3_600_000,
          progress: (percent) => void progress.push(percent),
          log: () => undefined,
        },
      );
    await expect(attempt(controller.signal)).rejects.toThrow("drain");
    expect(progress).toEqual([0, 25, 50]);
    expect(await attempt(new AbortController().signal)).toEqual({ matched: 800, done: 800, skipped: 0 });
    expect(progress.slice(3)).toEqual([50, 75, 100, 100]);
  });

  it("counts jobs that the action did not apply to as matched alone", async () => {
    const { attempt } = setup((ids) => ({ examined: ids.length, done: 1 }));
    expect(await attempt()).toEqual({ matched: 50, done: 10, skipped: 40 });
  });

  it("goes on from its position when Redis or Postgres answers again, and says once that it waits", async () => {
    let away = 2;
    const { seen, attempt } = setup((ids, done) => {
      if (done.size === 20 && away > 0) {
        away -= 1;
        throw new QueueUnavailable("away");
      }
      return all(ids, done);
    });
    expect(await attempt()).toEqual({ matched: 50, done: 50, skipped: 0 });
    expect(seen.logged).toEqual(["waiting for Redis or Postgres"]);
  });

  it("throws what is no outage, with its position saved before", async () => {
    const { seen, attempt } = setup((ids, done) => {
      if (done.size === 20) throw new Error("a failure");
      return all(ids, done);
    });
    await expect(attempt()).rejects.toThrow("a failure");
    expect(seen.state).toMatchObject({ matched: 20, done: 20 });
  });
});
