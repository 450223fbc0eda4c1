import { describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

async function submit(server: ApiServer, fields: object = {}): Promise<string> {
  const job = { type: "note", payload: { text: "a" }, ...fields };
  const { status, body } = await request(server, "POST", "/api/v1/jobs", job);
  expect(status).toBe(202);
  return String(body.id);
}

describe("a list of summaries", () => {
  it("has neither payloads nor results, and is less than 500 kB", async () => {
    const server = await startApiServer();
    await submit(server);
    await submit(server);
    await server.record(await server.finishNext('{"a":1}'));
    await server.finishNext('{"a":1}'); // stays in the outbox
    const jobs = Array.from({ length: 998 }, () => ({ type: "note", payload: { text: "x".repeat(2_000) } }));
    await request(server, "POST", "/api/v1/jobs/batch", { jobs });
    const { body, text } = await request(server, "GET", "/api/v1/jobs?view=summary&limit=1000");
    const summaries = body.jobs as object[];
    expect([summaries.length, body.next_cursor]).toEqual([1_000, null]);
    expect(text.length).toBeLessThan(500_000);
    const names = new Set(summaries.flatMap((job) => Object.keys(job)));
    expect(["payload", "payload_omitted", "result"].filter((name) => names.has(name))).toEqual([]);
    expect(summaries.at(-1)).toMatchObject({ status: "completed", type: "note", erased_at: null });
    await server.close();
  });

  it("ends a page before its limit if the jobs are long", async () => {
    const server = await startApiServer();
    const tags = Array.from({ length: 10 }, (_, i) => `${i}${"x".repeat(63)}`);
    const jobs = Array.from({ length: 600 }, () => ({ type: "note", payload: { text: "" }, tags }));
    await request(server, "POST", "/api/v1/jobs/batch", { jobs });
    const first = await request(server, "GET", "/api/v1/jobs?view=summary&limit=1000");
    expect(first.text.length).toBeLessThan(500_000);
    const cursor = String(first.body.next_cursor);
    const second = await request(server, "GET", `/api/v1/jobs?view=summary&limit=1000&cursor=${cursor}`);
    expect((first.body.jobs as unknown[]).length + (second.body.jobs as unknown[]).length).toBe(600);
    await server.close();
  });
});

describe("a search in the payloads of live jobs", () => {
  it("finds small and large payloads, and ends a page when it has read enough", async () => {
    const server = await startApiServer();
    const ids: string[] = [];
    for (let i = 0; i < 12; i++)
      ids.push(await submit(server, { payload: { text: `n${i % 2} ${i < 10 ? "x".repeat(1_500_000) : ""}` } }));
    const found: string[] = [];
    let [examined, pages] = [0, 0];
    for (let cursor: string | null = ""; cursor !== null; pages++) {
      const page: Awaited<ReturnType<typeof request>> = await request(
        server,
        "GET",
        `/api/v1/jobs?q=N1%20&view=summary${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      found.push(...(page.body.jobs as { id: string }[]).map(({ id }) => id));
      examined += page.body.examined as number;
      cursor = page.body.next_cursor as string | null;
    }
    expect(found).toEqual(ids.filter((_, i) => i % 2 === 1).reverse());
    expect([examined, pages]).toEqual([12, 2]);
    const exact = await request(server, "GET", `/api/v1/jobs?payload.text=${encodeURIComponent("n0 ")}`);
    expect((exact.body.jobs as { id: string }[]).map(({ id }) => id)).toEqual([ids[10]]);
    await server.close();
  });
});
