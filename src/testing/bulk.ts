/** What the tests of bulk operations share. */
import { expect } from "vitest";
import type { ApiJob } from "./replica.ts";
import { call } from "./replica.ts";

type Replica = Parameters<typeof call>[0];

/** Submits jobs that are due in an hour. */
export async function later(replica: Replica, tag: string, count: number, fields: object = {}) {
  const job = { type: "test_io", payload: { do: "return", value: 1 }, tags: [tag], delay_ms: 3_600_000, ...fields };
  const { status, body } = await call(replica, "POST", "/api/v1/jobs/batch", { jobs: Array(count).fill(job) });
  expect(status).toBe(202);
  return (body as { jobs: ApiJob[] }).jobs.map(({ id }) => id);
}

export async function list(replica: Replica, query: string): Promise<ApiJob[]> {
  return ((await call(replica, "GET", `/api/v1/jobs?limit=1000&${query}`)).body as { jobs: ApiJob[] }).jobs;
}

export async function expectCounts(replica: Replica): Promise<void> {
  const { accepted, unaccounted } = (await call(replica, "GET", "/api/v1/stats")).body as Record<string, number>;
  expect({ accepted, unaccounted }).toEqual({ accepted: expect.any(Number) as number, unaccounted: 0 });
}
