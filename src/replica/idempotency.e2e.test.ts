import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestReplica } from "../testing/replica.ts";
import { call, startReplica } from "../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../testing/services.ts";

const REQUESTS = 200;

let replicas: TestReplica[];
beforeAll(async () => {
  const [redis, database, artifacts] = [await freshRedis(), await freshDatabase(), tempDir()];
  const start = () =>
    startReplica({ redis: redis.address, database: database.url, artifacts, env: { TASKFLOW_ROLE: "api" } });
  replicas = await Promise.all([start(), start()]);
});
afterAll(() => Promise.all(replicas.map((replica) => replica.close())));

async function accepted(): Promise<number> {
  const [one] = replicas;
  return one ? ((await call(one, "GET", "/api/v1/stats")).body as { accepted: number }).accepted : 0;
}

/** The same request so many times at once, by turns at either replica. */
async function atOnce(
  path: string,
  key: string,
  body: object,
): Promise<{ status: number; text: string; isRepeat: boolean }[]> {
  return Promise.all(
    Array.from({ length: REQUESTS }, async (_, i) => {
      const headers = { "content-type": "application/json", "idempotency-key": key };
      const send = () =>
        fetch(`${replicas[i % 2]?.url ?? ""}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      let answer = await send();
      // as it says: a busy machine may need longer than the two seconds of a commit
      while (answer.status === 503) answer = await send();
      return {
        status: answer.status,
        text: await answer.text(),
        isRepeat: answer.headers.get("idempotent-replayed") === "true",
      };
    }),
  );
}

describe("equal requests at once, over two replicas, with one Idempotency-Key", () => {
  it.each(["redis", "postgres"])("make one job, of durability %s", async (durability) => {
    const before = await accepted();
    const answers = await atOnce("/api/v1/jobs", `one-${durability}`, { type: "noop", payload: {}, durability });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ text }) => (JSON.parse(text) as { id: string }).id)).size).toBe(1);
    expect(answers.filter(({ isRepeat }) => !isRepeat).length).toBeLessThanOrEqual(1);
    expect((await accepted()) - before).toBe(1);
  });

  it.each(["redis", "postgres"])("make one batch, of durability %s", async (durability) => {
    const before = await accepted();
    const jobs = Array.from({ length: 3 }, () => ({ type: "noop", payload: {}, durability }));
    const answers = await atOnce("/api/v1/jobs/batch", `batch-${durability}`, { jobs });
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await accepted()) - before).toBe(3);
  });
});
