import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { openApiCounts } from "./accounting.ts";
import { typeSequence } from "./mix.ts";
import { startPeers } from "./peers.ts";
import { runPhase } from "./phase.ts";
import { makeBodies } from "./submission-bodies.ts";
import { noSubmissions, submitBurst, submitPaced } from "./submit.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface SeenJob {
  readonly type: string;
  readonly payload: { readonly number: number };
  readonly tags: string[];
}

/** A server with the two calls that the load test needs. Each listed job has ended. */
async function setup(statusOf: (n: number) => number = () => 202) {
  const jobs: SeenJob[] = [];
  const seenAt: number[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === "POST") {
      seenAt.push(performance.now());
      const n = jobs.push((await json(request)) as SeenJob) - 1;
      response
        .writeHead(statusOf(n), { "content-type": "application/json" })
        .end(JSON.stringify({ id: `id-${n}`, key: request.headers.authorization }));
      return;
    }
    const query = new URL(request.url ?? "", "http://host").searchParams;
    const from = Number(query.get("cursor") ?? 0);
    const page = jobs.slice(from, from + 7).map(({ type }, i) => ({
      id: `id-${from + i}`,
      type,
      status: "completed",
      attempt: 1,
      created_at: "2026-01-01T00:00:00.000Z",
      started_at: "2026-01-01T00:00:00.250Z",
      run_at: type === "email" ? "2026-01-01T00:00:00.240Z" : null,
    }));
    response.end(JSON.stringify({ jobs: page, next_cursor: from + 7 < jobs.length ? String(from + 7) : null }));
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const target = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: "k1" };
  const body = (type: string, n: number) => JSON.stringify({ type, payload: { number: n }, tags: ["t"] });
  return { jobs, seenAt, target, body };
}

it("submits each job of a burst once, and waits until all have ended", async () => {
  const { jobs, target, body } = await setup();
  const types = typeSequence(
    new Map([
      ["email", 1],
      ["webhook", 2],
    ]),
    45,
  );
  const seen: number[] = [];
  const jobCounts = openApiCounts(target);
  const { submissions, entries, seconds } = await runPhase({
    tag: "t",
    jobCounts,
    onProgress: (_accepted, ended) => seen.push(ended),
    submit: (into) => submitBurst({ target, types, body }, 10, into),
  });
  await jobCounts.close();
  expect(jobs.map(({ payload }) => payload.number).sort((a, b) => a - b)).toEqual([...types.keys()]);
  expect(jobs.filter(({ type }) => type === "email")).toHaveLength(15);
  expect(new Set(submissions.acceptedIds).size).toBe(45);
  expect(submissions.submitMs).toHaveLength(45);
  expect(submissions.rejected.size).toBe(0);
  expect(entries.map(({ pickupMs }) => pickupMs).sort()).toEqual(
    [...Array<number>(15).fill(10), ...Array<number>(30).fill(250)].sort(),
  );
  expect(seen.at(-1)).toBe(45);
  expect(seconds).toBeGreaterThan(0);
});

it("counts rejected and accepted submissions separately", async () => {
  const { target, body } = await setup((n) => (n % 5 === 0 ? 503 : 202));
  const into = noSubmissions();
  const types = typeSequence(new Map([["email", 1]]), 20);
  await submitBurst({ target, types, body }, 4, into);
  await submitPaced({ target, types: types.slice(0, 5), body }, 1_000, into);
  await submitPaced({ target: { ...target, url: "http://127.0.0.1:1" }, types: types.slice(0, 2), body }, 1_000, into);
  expect([into.acceptedIds.length, into.submitMs.length, into.rejected]).toEqual([
    20,
    20,
    new Map([
      [503, 5],
      [0, 2],
    ]),
  ]);
});

it("paces evenly, not in bursts", async () => {
  const { jobs, seenAt, target, body } = await setup();
  const into = noSubmissions();
  await submitPaced({ target, types: typeSequence(new Map([["webhook", 1]]), 45), body }, 30, into);
  expect(jobs.map(({ payload }) => payload.number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 45 }, (_, n) => n),
  );
  expect((seenAt.at(-1) ?? 0) - (seenAt[0] ?? 0)).toBeGreaterThan(1_300); // 45 jobs at 30 a second
  const busiest = Math.max(...seenAt.map((at) => seenAt.filter((other) => other >= at && other < at + 200).length));
  expect(busiest).toBeLessThan(20); // 6 when the machine is idle; 30 in a burst
});

it("makes bodies of every type, which the peers count", async () => {
  const peers = await startPeers("127.0.0.1");
  closers.push(() => peers.close());
  const image = Buffer.from(await (await fetch(peers.imageUrl)).arrayBuffer());
  expect(image.length).toBeGreaterThan(100_000);
  const body = makeBodies({ ...peers, imageBase64: image.toString("base64") }, ["run", "phase"]);
  for (const type of ["email", "webhook", "image_resize", "data_export"] as const) {
    for (const n of [0, 1, 2])
      expect(JSON.parse(body(type, n))).toMatchObject({
        type,
        tags: ["run", "phase"],
        payload: expect.any(Object) as object,
      });
  }
  const exported = JSON.parse(body("data_export", 4)) as { payload: { source: { rows: object[] } } };
  expect(exported.payload.source.rows).toHaveLength(1_000);
  await fetch(peers.webhookUrl, { method: "POST", body: "{}" });
  expect(await peers.counts()).toEqual({ kind: "counts", mails: 0, webhooks: 1, images: 1 });
});
