/**
 * `npx tsx scripts/dead-hosts.ts [JOBS] [LATENCY_MS] [ROUNDS]`, after `npm run build`: sends webhooks to a live host
 * alone, and mixed with as many to a host that refuses connections or never answers. It prints the time until the live
 * host has received all its webhooks. Each run starts an empty server, which has no host health yet.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { medianOf } from "../bench/median.ts";
import { freePort } from "../src/embedded/free-port.ts";
import type { Closer } from "./loadtest/server.ts";
import { startServer } from "./loadtest/server.ts";

const [JOBS = 2_000, LATENCY_MS = 20, ROUNDS = 3] = process.argv.slice(2).map(Number);
const BATCH_JOBS = 500;
const LIMIT = 1.3;

interface Host {
  readonly url: string;
  /** The number of requests that the host has received. */
  readonly count: () => number;
  /** Resolves to the time at which the host receives this number of requests. */
  readonly received: (requests: number) => Promise<number>;
}

/** Starts a host that answers after `latencyMs`, or never if it is Infinity. */
async function startHost(latencyMs: number, closers: Closer[]): Promise<Host> {
  let requests = 0;
  const waiting = new Map<number, (at: number) => void>();
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      requests += 1;
      waiting.get(requests)?.(performance.now());
      if (latencyMs < Infinity) setTimeout(() => response.end("thanks"), latencyMs);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    count: () => requests,
    received: (wanted) => new Promise((resolve) => waiting.set(wanted, resolve)),
  };
}

/** Submits a webhook to each host in turn, until each has JOBS. */
async function submit(server: string, urls: readonly string[]): Promise<void> {
  for (let first = 0; first < JOBS; first += BATCH_JOBS) {
    const count = Math.min(BATCH_JOBS, JOBS - first);
    const jobs = Array.from({ length: count }, (_, n) =>
      urls.map((url) => ({ type: "webhook", payload: { url, body: { number: first + n } } })),
    ).flat();
    const answer = await fetch(`${server}/api/v1/jobs/batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jobs }),
    });
    if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
}

type Company = "alone" | "refusing" | "hanging";

/** @returns the ms until the live host had all requests, and how many requests the dead host had then */
async function measure(company: Company): Promise<{ readonly ms: number; readonly deadRequests: number }> {
  const closers: Closer[] = [];
  try {
    const server = await startServer("smtp://127.0.0.1:1", closers);
    const live = await startHost(LATENCY_MS, closers);
    const hanging = await startHost(Infinity, closers);
    const dead = { alone: [], refusing: [`http://127.0.0.1:${await freePort()}/`], hanging: [hanging.url] }[company];
    const all = live.received(JOBS);
    const startedAt = performance.now();
    await submit(server.url, [...dead, live.url]);
    return { ms: (await all) - startedAt, deadRequests: hanging.count() };
  } finally {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  }
}

const times: Record<Company, number[]> = { alone: [], refusing: [], hanging: [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const company of ["alone", "refusing", "hanging"] as const) {
    const { ms, deadRequests } = await measure(company);
    times[company].push(ms);
    process.stdout.write(
      `${company.padEnd(9)} ${Math.round(ms)} ms${company === "hanging" ? `, ${deadRequests} requests hang` : ""}\n`,
    );
  }
}
const alone = medianOf(times.alone);
const ratios = (["refusing", "hanging"] as const).map(
  (company) => [company, medianOf(times[company]) / alone] as const,
);
process.stdout.write(`${JOBS} webhooks to a host that answers in ${LATENCY_MS} ms: ${Math.round(alone)} ms alone`);
for (const [company, ratio] of ratios)
  process.stdout.write(`; ${ratio.toFixed(2)} times that among ${JOBS} to a ${company} one`);
process.stdout.write("\n");
process.exitCode = ratios.every(([, ratio]) => ratio <= LIMIT) ? 0 : 1;
