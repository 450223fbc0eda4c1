/** Measures the first page of the list by filters that few jobs pass, by the length of the history. */
import pg from "pg";
import { submitBatches } from "../batches.ts";
import { taskflow } from "../competitors/competitor.ts";
import type { Bench, Figure } from "../figure.ts";
import { withCompetitor } from "../figure.ts";
import { fillHistory } from "../history.ts";
import { medianOf, quantileOf } from "../median.ts";
import { pauseQueue } from "../pause.ts";
import type { Services } from "../services.ts";

const PAGE = 50;
const CALLS = 40;
const WARM_CALLS = 5;
const DAYS = 10;
/** Failed, tagged and grouped finished jobs, in a short history and in a long one. */
const MATCHES = 3_000;
/** Waiting jobs with a tag and a group of the history, so that a page has jobs from Redis and from Postgres. */
const MATCHES_WAITING = 20;

const all = (parameter: string, value: string): string =>
  Array.from({ length: 100 }, (_, n) => `${parameter}=${value}-${n}`).join("&");

/** Filters that one in a hundred of the `MATCHES` passes, and filters that all pass. */
const QUERIES: Readonly<Record<string, string>> = {
  "status=failed": "status=failed",
  "error_code, 1 of 100": "error_code=code-7",
  "error_code, all 100": all("error_code", "code").replaceAll("&error_code=", ","),
  "tag, 1 of 100": "tag=tag-7",
  "tag, of all": "tag=tagged",
  "group_key, 1 of 100": "group_key=group-7",
  "group_key, all 100": all("group_key", "group"),
};

/** The p95 in milliseconds of each query of `QUERIES`, in each round. */
type Latencies = Readonly<Record<string, number[]>>;

export const find: Figure = {
  name: "find",
  title: "first page of the list by a filter, by the length of the history",
  run: async (bench) => {
    const waiting = bench.isQuick ? 20_000 : 1_000_000;
    const sizes = bench.isQuick ? [5_000, 50_000] : [1_000_000, 10_000_000];
    const measured = await withCompetitor(bench, taskflow(bench.program), async ({ url }) => {
      const until = Date.now();
      await pauseQueue(url, "noop");
      bench.log(`${waiting} jobs wait`);
      await submitBatches(url, waiting - MATCHES_WAITING, `{"type":"noop","payload":{}}`);
      const matching = `{"type":"noop","payload":{},"tags":["tagged","tag-7"],"group_key":"group-7"}`;
      await submitBatches(url, MATCHES_WAITING, matching);
      await bench.services.compact();
      const bySize: { size: number; latencies: Latencies }[] = [];
      for (const size of sizes) {
        bench.log(`making ${size} finished jobs`);
        await makeHistory(bench.services, size, until);
        bySize.push({ size, latencies: await measureQueries(bench, url) });
      }
      return bySize;
    });
    const [short, long] = measured;
    const names = Object.keys(QUERIES);
    const p95Of = (each: typeof short, name: string): number => medianOf(each?.latencies[name] ?? []);
    const ratios = names.map((name) => p95Of(long, name) / p95Of(short, name));
    const most = (sizes.at(-1) ?? 0).toLocaleString("en-US");
    return {
      readings: measured.flatMap(({ size, latencies }) =>
        Object.entries(latencies).map(([name, values]) => ({
          name: `TaskFlow, ${size.toLocaleString("en-US")} finished, ${name}: p95`,
          unit: "ms",
          values,
        })),
      ),
      goals: [
        {
          text: `first page by a filter with ${most} finished jobs, slowest p95`,
          value: Math.max(...names.map((name) => p95Of(long, name))),
          limit: { most: 50 },
          unit: "ms",
        },
        {
          text: "the same, against a tenth of the history, largest ratio of a filter",
          value: Math.max(...ratios),
          limit: { most: 1.3 },
          unit: "",
        },
      ],
      notes: [
        `${CALLS} calls of each filter in a round, beside ${waiting.toLocaleString("en-US")} waiting jobs; an empty page fails the figure`,
      ],
    };
  },
};

/** Replaces the finished jobs. */
async function makeHistory(services: Services, rows: number, until: number): Promise<void> {
  const every = Math.max(1, Math.floor(rows / MATCHES));
  const client = new pg.Client({ connectionString: services.databaseUrl });
  await client.connect();
  try {
    await client.query("truncate jobs");
    await fillHistory(client, {
      rows,
      days: DAYS,
      until,
      failedEvery: every,
      taggedEvery: every,
      groupedEvery: every,
    });
    // Otherwise both would begin by themselves during the measurement.
    await client.query("vacuum jobs");
    await client.query("checkpoint");
  } finally {
    await client.end();
  }
}

async function measureQueries(bench: Bench, url: string): Promise<Latencies> {
  const p95s: Record<string, number[]> = Object.fromEntries(Object.keys(QUERIES).map((name) => [name, []]));
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.log(`round ${round + 1} of ${bench.rounds}: ${CALLS} calls of each filter`);
    const times = new Map(Object.keys(QUERIES).map((name): [string, number[]] => [name, []]));
    for (let call = 0; call < WARM_CALLS + CALLS; call += 1) {
      for (const [name, query] of Object.entries(QUERIES)) {
        const ms = await readPage(`${url}/api/v1/jobs?limit=${PAGE}&${query}`);
        if (call >= WARM_CALLS) times.get(name)?.push(ms);
      }
    }
    for (const [name, values] of times) p95s[name]?.push(quantileOf(values, 0.95));
  }
  return p95s;
}

/**
 * The milliseconds until the whole page is here.
 * @throws {Error} if the page is empty, since all filters match jobs
 */
async function readPage(url: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(url);
  const body = await response.text();
  const ms = performance.now() - startedAt;
  if (response.status !== 200) throw new Error(`a list was answered with ${response.status}: ${body.slice(0, 300)}`);
  if ((JSON.parse(body) as { jobs: unknown[] }).jobs.length === 0) throw new Error(`an empty first page: ${url}`);
  return ms;
}
