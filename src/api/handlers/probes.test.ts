import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
let worker: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  worker = await startApiServer({ settings: { role: "worker" } });
});
afterAll(() => Promise.all([server.close(), worker.close()]));

const ALIASES = [
  ["/livez", "/api/v1/health/live"],
  ["/readyz", "/api/v1/health/ready"],
  ["/healthz", "/api/v1/health"],
] as const;

it.each(ALIASES)("%s answers as %s, also to HEAD and on a worker", async (alias, path) => {
  for (const { url } of [server, worker]) {
    const [short, long] = [await request({ url }, "GET", alias), await request({ url }, "GET", path)];
    expect([short.status, Object.keys(short.body)]).toEqual([200, Object.keys(long.body)]);
    expect(short.body.status).toBe(long.body.status);
    const head = await request({ url }, "HEAD", alias);
    expect([head.status, head.text, head.headers.get("content-type")]).toEqual([200, "", "application/json"]);
    expect((await request({ url }, "POST", alias)).status).toBe(405);
  }
});

it("the OpenAPI document has the aliases, which need no key", async () => {
  const { paths } = (await request(server, "GET", "/api/v1/openapi.json")).body as {
    readonly paths: Readonly<Record<string, { readonly get: { readonly security: unknown } }>>;
  };
  for (const [alias] of ALIASES) expect([alias, paths[alias]?.get.security]).toEqual([alias, []]);
});

it("/readyz fails while the replica drains, and /livez does not", async () => {
  server.server.leave();
  expect((await request(server, "GET", "/readyz")).body.code).toBe("draining");
  expect((await request(server, "GET", "/livez")).status).toBe(200);
});
