import { afterEach, expect, it } from "vitest";
import type { RerunScan } from "../../core/reruns.ts";
import { loadRegistry } from "../../jobs/registry.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { until } from "../../testing/until.ts";

let server: ApiServer;
afterEach(() => server.close());

it("a count stops when its client disconnects, but a re-run does not", async () => {
  const scans: RerunScan[] = [];
  const left: unknown[] = [];
  server = await startApiServer({
    deps: {
      registry: await loadRegistry({ settings: {} }),
      reruns: {
        async *matching({ type }, _id, scan = {}) {
          scans.push(scan);
          yield { ids: ["a"], reached: "a" };
          if (type !== "webhook") return;
          await new Promise((resolve) => scan.signal?.addEventListener("abort", resolve));
          left.push(type);
          scan.signal?.throwIfAborted();
        },
      },
    },
  });
  const client = new AbortController();
  const gone = fetch(`${server.url}/api/v1/jobs/replay`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"dry_run":true,"type":"webhook"}`,
    signal: client.signal,
  });
  await until(() => scans.length === 1, { what: "the scan has begun" });
  client.abort();
  await expect(gone).rejects.toThrow();
  await until(() => left.length === 1, { what: "the scan has ended" });
  expect(await request(server, "POST", "/api/v1/jobs/replay", { dry_run: true, type: "email" })).toMatchObject({
    status: 200,
    body: { matched: 1 },
  });
  expect([scans[1]?.signal?.aborted, server.logged]).toEqual([false, []]);
});

it("reports all issues of a body at once, with the paths of the form that it has", async () => {
  server = await startApiServer({ deps: { registry: await loadRegistry({ settings: {} }) } });
  const pathsOf = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await request(server, "POST", `/api/v1/jobs/${path}`, JSON.stringify(body));
    expect(answer.status).toBe(422);
    return (answer.body.errors as { path: string }[]).map((issue) => issue.path).sort();
  };
  const wrong = { status: "completed,done", retry_of: "x", created_after: "now" };
  const ofFilters = ["created_after", "retry_of", "status"];
  const rest = { rate: 0, dry_run: 1, colour: "red" };
  const ofRest = ["/colour", "/dry_run", "/rate"];
  for (const path of ["cancel", "run"]) {
    expect(await pathsOf(path, { ...wrong, ...rest })).toEqual(
      [...ofFilters.map((name) => `/${name}`), ...ofRest].sort(),
    );
    expect(await pathsOf(path, { filter: wrong, ...rest })).toEqual(
      [...ofFilters.map((name) => `/filter/${name}`), ...ofRest].sort(),
    );
  }
  expect(await pathsOf("erase", { filter: { status: "queued", rate: 1 }, tag: "a" })).toEqual([
    "/filter/rate",
    "/filter/status",
    "/tag",
  ]);
  for (const filter of [null, [], "status"]) expect(await pathsOf("replay", { filter })).toEqual(["/filter"]);
});

it("creates one job per Idempotency-Key", async () => {
  server = await startApiServer({ deps: { registry: await loadRegistry({ settings: {} }) } });
  const rerun = (body: object, key: string) =>
    request(server, "POST", "/api/v1/jobs/replay", body, { "idempotency-key": key });
  const first = await rerun({ tag: "a" }, "once");
  expect(first).toMatchObject({ status: 202, body: { type: "replay" } });
  const again = await rerun({ tag: "a" }, "once");
  expect(again).toMatchObject({ status: 202, body: { id: first.body.id } });
  expect(again.headers.get("idempotent-replayed")).toBe("true");
  expect(await rerun({ tag: "b" }, "once")).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  expect(await rerun({ tag: "a" }, "a b")).toMatchObject({ status: 400, body: { code: "idempotency_key_invalid" } });
});

it("rejects parameters of the query, and has one issue for one value", async () => {
  server = await startApiServer({ deps: { registry: await loadRegistry({ settings: {} }) } });
  for (const path of ["cancel", "run", "update", "erase", "replay"]) {
    const { status, body } = await request(server, "POST", `/api/v1/jobs/${path}?dry_run=true&type=a`, {
      rate: 0.5,
      ...(path === "update" && { set: { priority: 1 } }),
    });
    expect([path, status, (body.errors as { path: string }[]).map((issue) => issue.path).sort()]).toEqual([
      path,
      422,
      ["/dry_run", "/rate", "/type"],
    ]);
  }
  for (const path of ["types", "destinations", "queues"])
    expect(await request(server, "GET", `/api/v1/${path}?x=1`)).toMatchObject({
      status: 422,
      body: { errors: [{ path: "/x", message: "is not a known field" }] },
    });
});
