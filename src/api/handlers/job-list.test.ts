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

describe("the number of jobs examined", () => {
  it("has each job once, whatever the limit and wherever the jobs are", async () => {
    const server = await startApiServer();
    try {
      const [total, limits] = [40, [1, 3, 7, 1_000]];
      for (let n = 0; n < total; n++) {
        await submit(server, { tags: [n % 3 === 0 ? "some" : "others"] });
        const finished = n % 4 === 0 ? undefined : await server.finishNext("{}");
        if (finished && n % 4 !== 1) await server.record(finished); // the others stay in the outbox
      }
      const pages = async (query: string): Promise<{ jobs: number; examined: number }> => {
        const sum = { jobs: 0, examined: 0 };
        for (let cursor: string | null = ""; cursor !== null; ) {
          const path = `/api/v1/jobs?view=summary${query}${cursor === "" ? "" : `&cursor=${cursor}`}`;
          const page: Awaited<ReturnType<typeof request>> = await request(server, "GET", path);
          sum.jobs += (page.body.jobs as unknown[]).length;
          sum.examined += page.body.examined as number;
          cursor = page.body.next_cursor as string | null;
        }
        return sum;
      };
      for (const limit of limits) {
        expect([limit, await pages(`&limit=${limit}`)]).toEqual([limit, { jobs: total, examined: total }]);
        expect([limit, await pages(`&limit=${limit}&type=note`)]).toEqual([limit, { jobs: total, examined: total }]);
        const { jobs, examined } = await pages(`&limit=${limit}&payload.text=a&tag=some`);
        expect([limit, jobs, examined >= jobs && examined <= total]).toEqual([limit, 14, true]);
      }
    } finally {
      await server.close();
    }
  });

  it("does not show secrets of waiting and finished jobs to a search", async () => {
    const server = await startApiServer();
    try {
      const payload = { text: "hello", secret: "s3cret" };
      await submit(server, { payload });
      await server.record(await server.finishNext("{}"));
      await submit(server, { payload });
      const found = async (query: string): Promise<number> =>
        ((await request(server, "GET", `/api/v1/jobs?${query}`)).body.jobs as unknown[]).length;
      for (const query of ["q=s3c", "payload.secret=s3cret", "q=s3c&view=summary", "q=redacted"])
        expect([query, await found(query)]).toEqual([query, 0]);
      for (const query of ["q=HELLO", "payload.text=hello", "q=secret&view=summary"])
        expect([query, await found(query)]).toEqual([query, 2]);
    } finally {
      await server.close();
    }
  });
});

it("has one issue for a filter of payloads that is given twice", async () => {
  const server = await startApiServer();
  const { status, body } = await request(server, "GET", "/api/v1/jobs?payload.a=1&payload.a=2");
  expect([status, body.errors]).toEqual([422, [{ path: "/payload.a", message: "must be given once" }]]);
  await server.close();
});
