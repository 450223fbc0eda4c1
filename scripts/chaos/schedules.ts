/** Schedules that tick each second, while replicas are killed and Redis is restarted. */
import { call } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const EVERY_MS = 1_000;
const REPLICAS = 3;
/** The definitions without their jobs, and the durability of these. */
const SCHEDULES = {
  plain: { durability: "redis", overlap: "allow", catch_up: { policy: "all" } },
  durable: { durability: "postgres", overlap: "allow", catch_up: { policy: "all" } },
  skipping: { durability: "redis", overlap: "skip", catch_up: { policy: "last" } },
} as const;

interface Run {
  readonly name: string;
  /** Epoch ms. */
  readonly tick: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly job_id: string | null;
}

const RUNS = `select schedules.name, (extract(epoch from tick) * 1000)::float8 as tick, outcome, reason, job_id
  from schedule_runs join schedules on schedules.id = schedule_runs.schedule
  where kind = 'tick' order by schedules.name, tick`;

export const schedules: Scenario = {
  name: "schedules",
  fault: "kill -9 one of three replicas every 10 s, and Redis once, while schedules tick each second",
  seconds: { full: 60, fast: 9 },
  slots: Array.from({ length: REPLICAS }, () => ({})),
  run: async (stage) => {
    const { cluster } = stage;
    const { redis } = cluster.services;
    for (const [name, definition] of Object.entries(SCHEDULES)) await put(stage, name, definition);
    const rounds = stage.isFast ? 3 : Math.max(2, Math.round(stage.seconds / 10));
    const roundMs = (stage.seconds * 1_000) / rounds;
    for (let round = 0; round < rounds; round += 1) {
      await stage.wait(roundMs / 2);
      const victim = round % REPLICAS;
      await cluster.replica(victim).kill();
      if (round === 1) {
        await redis.kill();
        await stage.wait(EVERY_MS);
        await redis.restart();
      }
      await stage.wait(roundMs / 2);
      await cluster.boot(victim);
    }
    await stage.measureRecovery();
    await stage.wait(3 * EVERY_MS);
    for (const name of Object.keys(SCHEDULES)) await pause(stage, name);
    checkRuns(stage, await cluster.postgres.query<Run>(RUNS), roundMs * rounds);
    return undefined;
  },
};

async function put(
  stage: Stage,
  name: string,
  { durability, ...definition }: (typeof SCHEDULES)[keyof typeof SCHEDULES],
): Promise<void> {
  const job = { type: "noop", payload: {}, durability, tags: [`${name} \${tick}`] };
  await expectAnswer(stage, "PUT", name, JSON.stringify({ every_ms: EVERY_MS, ...definition, job }), 201);
}

/** The answer of the second call comes when Postgres has all runs. */
async function pause(stage: Stage, name: string): Promise<void> {
  await expectAnswer(stage, "POST", `${name}/pause`, "{}", 200);
  await expectAnswer(stage, "GET", `${name}/runs`, undefined, 200);
}

async function expectAnswer(
  stage: Stage,
  method: string,
  path: string,
  body: string | undefined,
  status: number,
): Promise<void> {
  const answer = await call(`${stage.cluster.replica(0).url}/api/v1/schedules/${path}`, method, body);
  if (answer.status !== status)
    throw new Error(`${method} ${path} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** Each tick has one run, with a job or a reason. The jobs are compared with the rows as all accepted jobs are. */
function checkRuns(stage: Stage, runs: readonly Run[], lengthMs: number): void {
  for (const name of Object.keys(SCHEDULES)) {
    const own = runs.filter((run) => run.name === name);
    const outcomes = own.map(({ outcome }) => outcome);
    const counts = [...new Set(outcomes)].map((one) => `${outcomes.filter((each) => each === one).length} ${one}`);
    stage.notes.push(`${name}: ${own.length} ticks, ${counts.join(", ")}`);
    stage.expect({
      isSo: own.length >= lengthMs / EVERY_MS - 1,
      otherwise: `${name} has only ${own.length} ticks in ${lengthMs} ms`,
    });
    own.forEach(({ tick, job_id, reason, outcome }, i) => {
      const before = own[i - 1]?.tick ?? tick - EVERY_MS;
      const at = new Date(tick).toISOString();
      stage.expect({
        isSo: tick - before === EVERY_MS,
        otherwise: `${name}: ${tick - before} ms between the tick of ${at} and the one before`,
      });
      stage.expect({
        isSo: job_id !== null || reason !== null,
        otherwise: `${name}: the tick of ${at} has neither a job nor a reason`,
      });
      if (job_id === null) return;
      stage.expect({
        isSo: outcome === "fired" || outcome === "late",
        otherwise: `${name}: the tick of ${at} is ${outcome}, and has a job`,
      });
      const entry = stage.ledger.open("noop", { key: `${name} ${at}` });
      entry.id = job_id;
      entry.state = "accepted";
    });
  }
}
