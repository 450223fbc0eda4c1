import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";

/** The full test has 100,000 (set LIST_JOBS). */
const JOBS = Number(process.env.LIST_JOBS ?? 3_000);
const BATCH = 1_000;

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

async function submit(count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => ({ type: "note", payload: { text: "a" } }));
  const { body } = await request(server, "POST", "/api/v1/jobs/batch", { jobs });
  return (body.jobs as { id: string }[]).map(({ id }) => id);
}

describe("a list, page by page", () => {
  it("shows each job that existed at the start once, while a thousand a second arrive and others finish", {
    timeout: 300_000,
  }, async () => {
    const ids: string[] = [];
    while (ids.length < JOBS) ids.push(...(await submit(Math.min(BATCH, JOBS - ids.length))));
    for (let n = 0; n < 50; n += 1) await server.record(await server.finishNext("1")); // some are in Postgres alone
    let isListing = true;
    let arrived = 0;
    const startedAt = performance.now();
    const arrive = async (): Promise<void> => {
      while (isListing) {
        if (arrived < performance.now() - startedAt)
          arrived += (await submit(100)).length; // 1,000 a second
        else await server.record(await server.finishNext("1"), await server.finishNext("1"));
      }
    };
    const arriving = arrive();
    const seen: string[] = [];
    let pages = 0;
    for (let cursor: string | null = ""; cursor !== null; pages += 1) {
      const { status, body }: Awaited<ReturnType<typeof request>> = await request(
        server,
        "GET",
        `/api/v1/jobs?limit=${JOBS > 10_000 ? 1_000 : 100}${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      expect(status).toBe(200);
      seen.push(...(body.jobs as { id: string }[]).map(({ id }) => id));
      cursor = body.next_cursor as string | null;
    }
    isListing = false;
    await arriving;
    const [first = ""] = ids;
    const last = ids.at(-1) ?? "";
    const ofStart = seen.filter((id) => id >= first && id <= last);
    if (JOBS > 10_000)
      process.stdout.write(
        `${JOBS} jobs in ${pages} pages, ${Math.round(performance.now() - startedAt)} ms, while ${arrived} arrived\n`,
      );
    expect(ofStart).toEqual([...ids].reverse());
    expect(new Set(seen).size).toBe(seen.length);
  });
});
