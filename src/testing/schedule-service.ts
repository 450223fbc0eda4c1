/** The schedules of replicas on a real Redis and Postgres, without tickers. */
import type { Redis } from "ioredis";
import pg from "pg";
import { afterEach, beforeEach } from "vitest";
import { decide } from "../core/schedules/decide.ts";
import { readDefinition } from "../core/schedules/definition.ts";
import type { ScheduleRun, ScheduleState } from "../core/schedules/schedule.ts";
import type { Queue } from "../queue/queue.ts";
import { ParsedSchedules } from "../replica/schedules/parsed-schedules.ts";
import type { ScheduleServiceOptions } from "../replica/schedules/service.ts";
import { ScheduleService } from "../replica/schedules/service.ts";
import { migrate } from "../results/migrate.ts";
import { ScheduleStore } from "../results/schedules/schedule-store.ts";
import { type QueueSetup, setUpQueues } from "./queue-setup.ts";
import { freshDatabase } from "./services.ts";
import { until } from "./until.ts";

export interface ScheduleSetup extends Pick<QueueSetup, "address" | "redis" | "replica"> {
  /** Of the database. */
  readonly url: string;
  readonly client: pg.Client;
  readonly queue: Queue;
  /** What the services reported. */
  readonly errors: unknown[];
  /** Opens the schedules of one more replica. */
  readonly service: (changes?: Partial<ScheduleServiceOptions> & { readonly databaseUrl?: string }) => ScheduleService;
  /** Called after the test, in reverse order. */
  readonly atEnd: (close: () => Promise<unknown>) => void;
  /** Decides what is due at a time, as a ticker does. @returns the runs */
  readonly decideAt: (now: number) => Promise<readonly ScheduleRun[]>;
  readonly stateOf: (name: string) => Promise<ScheduleState | undefined>;
  /** Epoch ms; null for never. */
  readonly lookAt: (name: string) => Promise<number | null>;
  /** Waits until Redis has a schedule, or has it no longer. */
  readonly inRedis: (name: string) => Promise<ScheduleState>;
  readonly notInRedis: (name: string) => Promise<unknown>;
  /** Waits until Postgres has so many rows of schedules. */
  readonly rows: (count: number) => Promise<unknown>;
}

export function setUpSchedules(): () => ScheduleSetup {
  const queues = setUpQueues();
  let current: ScheduleSetup;
  const open: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    const { url } = await freshDatabase();
    await migrate(url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    open.push(() => client.end());
    current = setupOf({ ...queues(), url, client, queue: await queues().replica() }, open);
  });
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  return () => current;
}

type Servers = Pick<ScheduleSetup, "address" | "redis" | "replica" | "url" | "client" | "queue">;

function setupOf(servers: Servers, open: (() => Promise<unknown>)[]): ScheduleSetup {
  const { url, client, queue, redis } = servers;
  const errors: unknown[] = [];
  const parsed = new ParsedSchedules(readDefinition);
  const stateOf: ScheduleSetup["stateOf"] = async (name) => (await queue.schedules.read([name]))[0]?.state;
  return {
    ...servers,
    errors,
    atEnd: (close) => open.push(close),
    service: ({ databaseUrl = url, ...changes } = {}) => {
      const service = new ScheduleService({
        store: new ScheduleStore(databaseUrl),
        copies: queue.schedules,
        tickingOf: (copy) => parsed.of(copy),
        now: () => queue.clock.now(),
        runId: () => queue.installation.runId(),
        onError: (error) => errors.push(error),
        onDropped: (run, error) => errors.push({ run, error }),
        periodMs: 50,
        ...changes,
      });
      open.push(() => service.close());
      return service;
    },
    decideAt: (now) => decideAt(now, queue, redis, parsed),
    stateOf,
    lookAt: async (name) => {
      const score = await redis.zscore("{taskflow:0}:schedule_ticks", name);
      return score === null || score === "inf" ? null : Number(score);
    },
    inRedis: (name) => until(() => stateOf(name), { what: `Redis has schedule ${name}` }),
    notInRedis: (name) => until(async () => !(await stateOf(name)), { what: `Redis does not have schedule ${name}` }),
    rows: (count) =>
      until(async () => (await client.query("select from schedules")).rowCount === count, {
        what: `Postgres has ${count} schedules`,
      }),
  };
}

async function decideAt(now: number, queue: Queue, redis: Redis, parsed: ParsedSchedules): Promise<ScheduleRun[]> {
  const names = await redis.hkeys("{taskflow:0}:schedules");
  const runs: ScheduleRun[] = [];
  for (let first = 0; first < names.length; first += 200) {
    const page = names.slice(first, first + 200);
    const states = await queue.schedules.read(page);
    const copies = await redis.hmget("{taskflow:0}:schedules", ...page);
    for (const [i, name] of page.entries()) {
      const before = states[i];
      const copy = JSON.parse(copies[i] ?? "{}") as Parameters<ParsedSchedules["of"]>[0];
      if (!before) continue;
      const decision = decide(await parsed.of({ ...copy, name }), before.state, now, { lastJobLives: false });
      await queue.schedules.advance([{ ...decision, name, before: before.text, jobs: [] }]);
      runs.push(...decision.runs);
    }
  }
  return runs;
}
