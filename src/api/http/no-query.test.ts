import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import type { OpenApiDocument } from "../../testing/conformance.ts";
import { callsOf } from "../../testing/conformance.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const LATER = { type: "note", payload: { text: "a" }, delay_ms: 3_600_000 };

const FLOW = { jobs: { a: LATER } };
const BATCH = { jobs: [LATER], open: true };
const BODIES: Readonly<Record<string, object>> = {
  "/api/v1/jobs": LATER,
  "/api/v1/jobs/batch": { jobs: [LATER] },
  "/api/v1/jobs/{id}": { priority: 9 },
  "/api/v1/flows": FLOW,
  "/api/v1/batches": BATCH,
  "/api/v1/batches/{id}/jobs": { jobs: [LATER] },
};

/** The path of a call, with the id of a new job, flow or batch. */
async function pathOf(pattern: string): Promise<string> {
  const collection = /^\/api\/v1\/(jobs|flows|batches)/.exec(pattern)?.[0] ?? "/api/v1/jobs";
  const { id } = (await request(server, "POST", collection, BODIES[collection])).body;
  return pattern.replace("{id}", String(id)).replace("{type}", "note").replace("{host}", "example.com");
}

it("a call that changes something rejects a parameter that it does not know", async () => {
  const document = (await request(server, "GET", "/api/v1/openapi.json")).body as unknown as OpenApiDocument;
  const changing = callsOf(document).filter(
    ({ method, pattern }) => method !== "GET" && !/schedules|replay|jobs\/(cancel|run|update|erase)$/.test(pattern),
  );
  expect(changing.length).toBeGreaterThan(15);
  for (const { method, pattern } of changing) {
    const body = method === "DELETE" ? undefined : BODIES[pattern];
    const answer = await request(server, method, `${await pathOf(pattern)}?dry_run=true`, body);
    expect(answer, `${method} ${pattern}`).toMatchObject({ status: 422, body: { code: "validation_failed" } });
    expect(answer.body["errors"]).toEqual([{ path: "/dry_run", message: expect.any(String) as string }]);
  }
});
