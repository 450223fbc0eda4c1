import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

async function fail(host: string): Promise<void> {
  const { destinations } = server.queue;
  for (let i = 0; i < 5; i++)
    (await destinations.enter({ host, path: "/", caller: "" }, { concurrency: 10, perSecond: 0 }))("down");
  await Promise.resolve(); // the reports are sent at the end of this tick
  await server.queue.jobCounts();
}
const reset = (host: string, body?: object | string) =>
  request(server, "POST", `/api/v1/destinations/${host}/reset`, body);

it("lists hosts, and resets the one that a path names, percent-encoded", async () => {
  for (const host of ["example.com:8080", "[2001:db8::1]:80"]) {
    await fail(host);
    const listed = (await request(server, "GET", "/api/v1/destinations")).body as { destinations: object[] };
    expect(listed.destinations[0]).toEqual({
      host,
      state: "open",
      in_flight: 0,
      limit: 1,
      consecutive_failures: 5,
      suspended_until: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      last_used: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      routes: 1,
      waiting: 0,
    });
    expect(await reset(encodeURIComponent(host))).toMatchObject({
      status: 200,
      body: { host, state: "closed", consecutive_failures: 0, suspended_until: null, limit: 10 },
    });
  }
  await server.audit.flush();
  expect((await request(server, "GET", "/api/v1/audit?action=destinations.reset")).body).toMatchObject({
    entries: [{ target: "[2001:db8::1]:80" }, { target: "example.com:8080" }],
  });
});

it.each([
  "unknown.example",
  "%",
  "%ff",
  "%00",
  "a%2Fb",
  "x".repeat(3_000),
  encodeURIComponent("\u{1f525}".repeat(200)),
])("answers 404 for the host %s", async (host) => {
  expect(await reset(host)).toMatchObject({ status: 404, body: { code: "destination_not_found" } });
});

it("changes nothing if the body has fields", async () => {
  await fail("c.example");
  expect((await reset("c.example", { now: true })).status).toBe(422);
  expect((await request(server, "GET", "/api/v1/destinations")).body).toMatchObject({
    destinations: [{ host: "c.example", state: "open" }, {}, {}],
  });
});
