/** Reads the outcomes of a run's jobs from Postgres, or through the API if the address of Postgres is unknown. */
import pg from "pg";
import type { Target } from "./submit.ts";

/** A job that has ended. */
export interface Entry {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  /** Milliseconds from the job's due time to its start; null if it never started, or was retried. */
  readonly pickupMs: number | null;
}

export interface JobCounts {
  readonly source: "postgres" | "api";
  /** Counts the jobs with this tag that have ended. */
  count(tag: string): Promise<number>;
  entries(tag: string): Promise<Entry[]>;
  close(): Promise<void>;
}

const COUNT = "select count(*)::int as count from jobs where tags @> array[$1]";
const ENTRIES = `
  select id, type, status, attempt,
    case when attempt = 1 then extract(epoch from started_at - greatest(created_at, run_at))::float8 * 1000 end as "pickupMs"
  from jobs where tags @> array[$1] order by id`;

export async function openPostgresCounts(databaseUrl: string): Promise<JobCounts> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on("error", () => undefined); // the current or the next query rejects, too
  await client.connect();
  return {
    source: "postgres",
    count: async (tag) => (await client.query<{ count: number }>(COUNT, [tag])).rows[0]?.count ?? 0,
    entries: async (tag) => (await client.query<Entry>(ENTRIES, [tag])).rows,
    close: () => client.end(),
  };
}

interface ApiJob {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly attempt: number;
  readonly created_at: string;
  readonly run_at: string | null;
  readonly started_at: string | null;
}

const ENDED = ["completed", "failed", "cancelled"];

export function openApiCounts(target: Target): JobCounts {
  const entries = async (tag: string): Promise<Entry[]> =>
    (await listJobs(target, tag)).filter(({ status }) => ENDED.includes(status)).map(entryOf);
  return { source: "api", entries, count: async (tag) => (await entries(tag)).length, close: () => Promise.resolve() };
}

async function listJobs({ url, key }: Target, tag: string): Promise<ApiJob[]> {
  const found: ApiJob[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query = new URLSearchParams({ tag, limit: "1000", ...(cursor === "" ? {} : { cursor }) });
    const response = await fetch(`${url}/api/v1/jobs?${query.toString()}`, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    });
    if (!response.ok)
      throw new Error(
        `GET /api/v1/jobs was answered with ${response.status}: ${(await response.text()).slice(0, 500)}`,
      );
    const page = (await response.json()) as { jobs: ApiJob[]; next_cursor: string | null };
    found.push(...page.jobs);
    cursor = page.next_cursor;
  }
  return found;
}

function entryOf({ id, type, status, attempt, created_at, run_at, started_at }: ApiJob): Entry {
  const dueAt = Math.max(Date.parse(created_at), run_at === null ? 0 : Date.parse(run_at));
  return {
    id,
    type,
    status,
    attempt,
    pickupMs: started_at === null || attempt !== 1 ? null : Date.parse(started_at) - dueAt,
  };
}
