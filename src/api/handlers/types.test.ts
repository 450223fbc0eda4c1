import { afterAll, beforeAll, expect, it } from "vitest";
import { loadRegistry } from "../../jobs/registry.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ deps: { registry: await loadRegistry({ settings: {} }) } });
});
afterAll(() => server.close());

const types = async () => (await request(server, "GET", "/api/v1/types")).body.types as Record<string, unknown>[];

it("describes each type as the OpenAPI document does, and in a sentence", async () => {
  const document = (await request(server, "GET", "/api/v1/openapi.json")).body as {
    components: { schemas: Record<string, { examples?: unknown[] }> };
  };
  const listed = await types();
  const schema = document.components.schemas["WebhookPayload"];
  expect(schema).toBeDefined();
  expect(listed.find(({ type }) => type === "webhook")).toEqual({
    type: "webhook",
    lane: "io",
    max_attempts: 3,
    timeout_ms: 30_000,
    backoff: { kind: "exponential", base_ms: 1_000, max_ms: 600_000 },
    description: expect.stringMatching(/\.$/) as string,
    is_built_in: true,
    payload_schema: schema,
    examples: schema?.examples ?? [],
    replicas: [],
  });
  expect(listed.filter(({ description }) => typeof description !== "string")).toEqual([]);
});

it("names the live replicas that run a type, and types that only they have", async () => {
  const { queue } = server;
  const slots = { webhook: { limit: 4, running: 0 }, sms: { limit: 4, running: 0 } };
  await queue.renew([], JSON.stringify({ id: "replica1", slots }));
  const listed = await types();
  expect(listed.find(({ type }) => type === "webhook")).toMatchObject({ replicas: ["replica1"] });
  expect(listed.find(({ type }) => type === "email")).toMatchObject({ replicas: [] });
  expect(listed.find(({ type }) => type === "sms")).toEqual({
    type: "sms",
    lane: null,
    max_attempts: null,
    timeout_ms: null,
    backoff: null,
    description: null,
    is_built_in: null,
    payload_schema: null,
    examples: [],
    replicas: ["replica1"],
  });
});
