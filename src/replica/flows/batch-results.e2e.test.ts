import { afterAll, beforeAll, expect, it } from "vitest";
import { at } from "../../core/at.ts";
import { flowEnded, submitFlow } from "../../testing/flow-api.ts";
import { HttpPeer } from "../../testing/http-peer.ts";
import type { TestReplica } from "../../testing/replica.ts";
import { call, startReplica } from "../../testing/replica.ts";
import { freshDatabase, freshRedis, tempDir } from "../../testing/services.ts";

let replica: TestReplica;
let http: HttpPeer;

beforeAll(async () => {
  const [{ address }, { url }] = await Promise.all([freshRedis(), freshDatabase()]);
  http = await HttpPeer.start();
  const env = { OUTBOUND_ALLOW_PRIVATE: "true" };
  replica = await startReplica({ redis: address, database: url, artifacts: tempDir(), env });
});
afterAll(async () => {
  await Promise.all([replica.close(), http.close()]);
});

const test = (payload: object): object => ({ type: "test_io", payload, max_attempts: 1 });

it("a batch passes its counts on, and a file with the result of each job", async () => {
  const id = await submitFlow(replica, "batches", {
    jobs: [
      test({ do: "return", value: { n: 1 } }),
      test({ do: "fail", times: 9 }),
      test({ do: "return", value: "é\n" }),
    ],
    max_failures: 1,
    on_complete: { type: "webhook", payload: { url: http.url("/results"), body: { $ref: "result" } } },
  });
  expect((await flowEnded(replica, id, "batches")).status).toBe("completed");
  const sent = at(
    http.requests.filter(({ path }) => path === "/results"),
    0,
  ).body.toString();
  const result = JSON.parse(sent) as { results_ref: string; bytes: number };
  expect(result).toMatchObject({ total: 3, completed: 2, failed: 1, cancelled: 0 });
  const [jobId, name] = result.results_ref.split("/");
  const response = await fetch(`${replica.url}/api/v1/jobs/${jobId}/artifacts/${name}`);
  const text = await response.text();
  expect([response.status, Buffer.byteLength(text)]).toEqual([200, result.bytes]);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    { status: "completed", result: { n: 1 }, error: null },
    { status: "failed", result: null, error: { attempt: 1 } },
    { status: "completed", result: "é\n", error: null },
  ]);
});

it("the file is removed when one of the jobs is erased, also the files from before a retry", async () => {
  const id = await submitFlow(replica, "batches", {
    jobs: [test({ do: "return", value: "private" }), test({ do: "fail", times: 1 })],
    on_complete: { type: "webhook", payload: { url: http.url("/erased"), body: { $ref: "result" } } },
  });
  await flowEnded(replica, id, "batches");
  expect((await call(replica, "POST", `/api/v1/batches/${id}/retry`)).status).toBe(202);
  await flowEnded(replica, id, "batches");
  const files = http.requests
    .filter(({ path }) => path === "/erased")
    .map(({ body }) => (JSON.parse(body.toString()) as { results_ref: string }).results_ref);
  expect(new Set(files).size).toBe(2);
  const statuses = async (): Promise<number[]> =>
    Promise.all(
      files.map(async (file) => {
        const [job, name] = file.split("/");
        return (await fetch(`${replica.url}/api/v1/jobs/${job}/artifacts/${name}`)).status;
      }),
    );
  expect(await statuses()).toEqual([200, 200]);
  const { jobs } = (await call(replica, "GET", `/api/v1/batches/${id}/jobs?limit=1`)).body as {
    jobs: { id: string }[];
  };
  expect((await call(replica, "POST", `/api/v1/jobs/${at(jobs, 0).id}/erase`)).status).toBe(200);
  expect(await statuses()).toEqual([404, 404]);
});
