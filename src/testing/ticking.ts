/** Schedules and tickers for tests, on a real Redis. */
import type { CopyChange, WorkingCopy } from "../core/schedules/copies.ts";
import { lookAtOf } from "../core/schedules/decide.ts";
import type { ScheduleDefinition } from "../core/schedules/schedule.ts";
import { firstState } from "../core/schedules/state.ts";
import { ticksOfSchedule } from "../core/schedules/timing.ts";
import type { Queue } from "../queue/queue.ts";
import { ParsedSchedules } from "../replica/schedules/parsed-schedules.ts";
import type { TickerOptions } from "../replica/schedules/ticker.ts";
import { Ticker } from "../replica/schedules/ticker.ts";
import { definitionWith, MINUTE } from "./schedules/ticking-schedule.ts";

export const PERIOD_MS = MINUTE;

/** As {@link definitionWith}, with a job that each tick submits even if the last one runs. */
export function definitionOf(changes: Partial<ScheduleDefinition> = {}): ScheduleDefinition {
  return definitionWith({ overlap: "allow", job: `{"type":"noop","payload":{"tick":"\${tick}"}}`, ...changes });
}

/** A schedule whose ticks up to `decided` (epoch ms) are decided. Its definition is stored as {@link ScheduleDefinition}. */
export function scheduleOf(
  name: string,
  decided: number,
  changes: Partial<ScheduleDefinition> = {},
  copyChanges: Partial<WorkingCopy> = {},
): CopyChange {
  const definition = definitionOf(changes);
  const schedule = { name, definition, ticks: ticksOfSchedule(definition, name) };
  const copy: WorkingCopy = {
    name,
    id: `id-of-${name}`,
    version: 1,
    revision: 1,
    definition: JSON.stringify(definition),
    apiKey: null,
    ...copyChanges,
  };
  const stored = { ...copy, pause: null, resumeCatchUp: null, effectiveFrom: decided, lastRun: null };
  const state = firstState(schedule, stored);
  return { copy, before: undefined, state, lookAt: lookAtOf(schedule, state, decided) };
}

/** What a ticker is given unless the test says otherwise. Durable jobs are committed nowhere. */
export function tickerOptions(queue: Queue, changes: Partial<TickerOptions> = {}): TickerOptions {
  return {
    queue,
    tickingOf: new ParsedSchedules((text) => JSON.parse(text) as ScheduleDefinition).of,
    typeOf: (type) =>
      type === "noop" ? { definition: { attempts: 3 }, maxBodyBytes: 0, issuesOf: () => [] } : undefined,
    durability: "redis",
    redisProcess: () => Promise.resolve({ runId: "one", upMs: Number.POSITIVE_INFINITY }),
    decidedOtherwise: () => Promise.resolve(new Set()),
    failing: () => Promise.resolve(new Set()),
    pauseFailing: () => Promise.resolve(),
    cancel: () => Promise.resolve(),
    acceptanceLogWriter: { accept: (_, done) => done({ kind: "committed" }) },
    store: { among: () => Promise.resolve(new Set()) },
    metrics: { countTicks: () => undefined, observeLateness: () => undefined },
    onDecided: () => undefined,
    onInvalid: () => undefined,
    onError: (error) => {
      throw error;
    },
    ...changes,
  };
}

/** One look of a ticker at what is due: it starts, and is closed at once. */
export async function tickOnce(queue: Queue, changes: Partial<TickerOptions> = {}): Promise<void> {
  const ticker = new Ticker(tickerOptions(queue, changes));
  ticker.start();
  await ticker.close();
}
