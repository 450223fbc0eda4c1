/** Retries of more jobs than one call enqueues. */
import { expect, it } from "vitest";
import { flowEnded, submitFlow } from "../../testing/flow-api.ts";
import { answer, HttpPeer } from "../../testing/http-peer.ts";
import type { ApiJob, TestReplica } from "../../testing/replica.ts";
import { call, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";
import { until } from "../../testing/until.ts";

const FIRST = 10_000;
const MORE = 2_500;
const DONE = 3;

const noops = (count: number, fields: object = {}): object[] =>
  Array.from({ length: count }, (_, n) => ({ type: "noop", payload: { n }, ...fields }));

/** A batch of jobs of which a few have completed, and the others were cancelled while their queue was paused. */
async function cancelledBatch(replica: TestReplica, hook: string, fields: object): Promise<string> {
  const done = Array.from({ length: DONE }, () => ({ type: "test_io", payload: { do: "return" }, ...fields }));
  await call(replica, "POST", "/api/v1/queues/noop/pause");
  const id = await submitFlow(replica, "batches", {
    jobs: [...done, ...noops(FIRST - DONE, fields)],
    open: true,
    on_success: { type: "webhook", payload: { url: hook, body: { $ref: "result" } } },
  });
  const added = await call(replica, "POST", `/api/v1/batches/${id}/jobs`, { jobs: noops(MORE, fields) });
  expect(added.status).toBe(202);
  await until(
    async () => {
      const { body } = await call(replica, "GET", `/api/v1/batches/${id}`);
      return (body as { counts: { completed: number } }).counts.completed === DONE;
    },
    { what: "the first jobs have completed" },
  );
  expect((await call(replica, "DELETE", `/api/v1/batches/${id}`)).status).toBe(202);
  const ended = await flowEnded(replica, id, "batches", 120_000);
  expect(ended).toMatchObject({ status: "cancelled", counts: { completed: DONE, cancelled: FIRST + MORE - DONE } });
  await call(replica, "POST", "/api/v1/queues/noop/resume");
  return id;
}

it.each([{}, { durability: "postgres" }])(
  "a batch of 12,500 jobs runs again, and calls back once (%j)",
  async (fields) => {
    const [{ address }, { url }, http] = await Promise.all([freshRedis(), freshDatabase(), HttpPeer.start()]);
    http.respond(() => answer(200));
    const replica = await startReplica({
      ...{ redis: address, database: url, artifacts: tempDir() },
      env: { OUTBOUND_ALLOW_PRIVATE: "true" },
    });
    try {
      const id = await cancelledBatch(replica, http.url("/all"), fields);
      const path = `/api/v1/batches/${id}/retry`;
      const [one, other] = await Promise.all([call(replica, "POST", path), call(replica, "POST", path)]);
      expect([one.status, other.status].sort()).toEqual([202, 409]);
      const batch = await flowEnded(replica, id, "batches", 120_000);
      expect(batch).toMatchObject({
        ...{ status: "completed", total: FIRST + MORE },
        counts: { completed: FIRST + MORE, cancelled: 0, unfinished: 0 },
      });
      expect(http.requests.map((request) => request.path)).toEqual(["/all"]);
      const { body } = await call(replica, "GET", `/api/v1/batches/${id}/jobs?limit=1000`);
      const { jobs } = body as { jobs: (ApiJob & { retry_of: string | null })[] };
      expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set(["completed"]));
      expect(jobs.filter(({ retry_of }) => retry_of === null)).toHaveLength(DONE);
      expect((await call(replica, "POST", path)).body).toMatchObject({ code: "nothing_to_retry" });
      const { body: queue } = await call(replica, "GET", "/api/v1/queues/noop");
      expect(queue).toMatchObject({ depth: 0, waiting: 0, running: 0 });
    } finally {
      await replica.close();
      await http.close();
    }
  },
  120_000,
);
