/** Fills `jobs` with a history of finished jobs, far faster than jobs can run. */
import type { ClientBase } from "pg";
import { DAY_MS } from "../src/core/time.ts";
import { addPartitions, startOfDay } from "../src/results/partitions.ts";

/** Rows of one statement, so that its transaction stays short. */
const CHUNK = 200_000;

// $1 epoch ms of the first row · $2 ms between two rows · $3 number of the first row · $4 rows ·
// every nth row fails ($5), has tags ($6), has a group ($7), is a rerun ($8); 0: none. Each tag, group and error code
// changes with the row, so that each is rare. $9 payload.
const FILL = `insert into jobs (id, created_at, finished_at, priority, attempt, max_attempts, type, status, durability, tags, payload,
  started_at, retry_of, worker, group_key, result, error)
select
  (lpad(to_hex(ms), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, at, at + interval '8 ms', 5, 1, 3, 'email',
  case when fails then 'failed' else 'completed' end, 'redis',
  case when $6::int > 0 and n % nullif($6::int, 0) = 0 then array['tag-' || n / $6::int % 100, 'tagged'] else '{}' end,
  $9::json, at + interval '3 ms',
  case when $8::int > 0 and n % nullif($8::int, 0) = 0 then (lpad(to_hex(ms - 1000), 12, '0') || '70008000' || lpad(to_hex(n / $8::int % 100), 12, '0'))::uuid end,
  'replica1', case when $7::int > 0 and n % nullif($7::int, 0) = 0 then 'group-' || n / $7::int % 100 end,
  case when not fails then '{"accepted":1}'::json end,
  case when fails then json_build_object('code', 'code-' || n / $5::int % 100, 'message', 'The host of job ' || n || ' does not answer.', 'attempt', 1) end
from (
  select n, ms, to_timestamp(ms::float8 / 1000) as at, $5::int > 0 and n % nullif($5::int, 0) = 0 as fails
  from (select n, ($1::float8 + (n - $3::bigint) * $2::float8)::bigint as ms from generate_series($3::bigint, $3::bigint + $4::int - 1) as n) as numbered
) as dated
order by ms, n`;

export interface HistoryOptions {
  readonly rows: number;
  /** The jobs were accepted evenly over this many UTC days, the last of which is the day of `until`. Default: 1. */
  readonly days?: number;
  /** Epoch ms within the last day. Default: now. */
  readonly until?: number;
  /** Every nth job failed, with one of 100 error codes (`code-0` to `code-99`). Default: 1,000; 0: none. */
  readonly failedEvery?: number;
  /** Every nth job has the tags `tagged` and one of `tag-0` to `tag-99`. Default: 1,000; 0: none. */
  readonly taggedEvery?: number;
  /** Every nth job is of one of the groups `group-0` to `group-99`. Default: 1,000; 0: none. */
  readonly groupedEvery?: number;
  /** Every nth job is a rerun. Default: 0: none. */
  readonly rerunEvery?: number;
  /** JSON. */
  readonly payload?: string;
}

/** Adds the jobs and their partitions, oldest first, and updates the statistics of the table. */
export async function fillHistory(client: ClientBase, options: HistoryOptions): Promise<void> {
  const { rows, days = 1, until = Date.now() } = options;
  const { failedEvery = 1_000, taggedEvery = 1_000, groupedEvery = 1_000, rerunEvery = 0 } = options;
  const { payload = '{"to":"a@example.org","subject":"Hello"}' } = options;
  const lastDay = startOfDay(until);
  let done = 0;
  for (let index = 0; index < days; index++) {
    const day = lastDay - (days - 1 - index) * DAY_MS;
    await addPartitions(client, [day]);
    const ofDay = Math.floor((rows * (index + 1)) / days) - Math.floor((rows * index) / days);
    const lengthMs = day === lastDay ? until - day : DAY_MS;
    for (let at = 0; at < ofDay; at += CHUNK) {
      const count = Math.min(CHUNK, ofDay - at);
      const everyMs = lengthMs / ofDay;
      const rare = [failedEvery, taggedEvery, groupedEvery, rerunEvery];
      await client.query(FILL, [day + at * everyMs, everyMs, done, count, ...rare, payload]);
      done += count;
    }
  }
  await client.query("analyze jobs");
}
