/** The submissions of a phase. */
import { setTimeout as delay } from "node:timers/promises";
import autocannon from "autocannon";

export interface Target {
  readonly url: string;
  readonly key: string | undefined;
}

/** The answers to the submissions of a phase so far. */
export interface Submissions {
  /** The ids of jobs that were accepted (202). */
  readonly acceptedIds: string[];
  /** Latencies of accepted submissions, from the request to the answer, in milliseconds. */
  readonly submitMs: number[];
  /** Other answers, by status; 0 counts missing answers. */
  readonly rejected: Map<number, number>;
}

export interface Phase {
  readonly target: Target;
  readonly types: readonly string[];
  readonly body: (type: string, n: number) => string;
}

const PATH = "/api/v1/jobs";
const REQUEST_TIMEOUT_MS = 30_000;

export function noSubmissions(): Submissions {
  return { acceptedIds: [], submitMs: [], rejected: new Map() };
}

/** Submits each job once through autocannon, on `connections` connections that each wait for the answer. */
export async function submitBurst(
  { target, types, body }: Phase,
  connections: number,
  into: Submissions,
): Promise<void> {
  const left = types.entries();
  const { errors: unanswered } = await autocannon({
    url: target.url,
    amount: types.length,
    connections: Math.min(connections, types.length),
    timeout: REQUEST_TIMEOUT_MS / 1_000,
    sampleInt: 100, // autocannon ends at a sample
    setupClient: (client) => {
      client.on("response", (status: number, _bytes: number, ms: number) => {
        if (status === 202) into.submitMs.push(ms);
      });
    },
    requests: [
      {
        method: "POST",
        path: PATH,
        headers: headersOf(target),
        setupRequest: (request) => {
          const [n, type] = left.next().value ?? [0, types[0] as string];
          return { ...request, body: body(type, n) };
        },
        onResponse: (status, text) => note(into, status, text),
      },
    ],
  });
  for (let n = 0; n < unanswered; n += 1) note(into, 0, "");
}

/**
 * Submits `rate` jobs per second, evenly, without waiting for answers. It does not use autocannon, which sends each
 * second's share of a connection in one burst and so would not pace the queue.
 */
export async function submitPaced({ target, types, body }: Phase, rate: number, into: Submissions): Promise<void> {
  const startedAt = performance.now();
  const answers: Promise<void>[] = [];
  for (const [n, type] of types.entries()) {
    await delay(Math.max(0, startedAt + (n * 1_000) / rate - performance.now()));
    answers.push(submitOne(target, body(type, n), into));
  }
  await Promise.all(answers);
}

async function submitOne(target: Target, body: string, into: Submissions): Promise<void> {
  const sentAt = performance.now();
  try {
    const response = await fetch(target.url + PATH, {
      method: "POST",
      headers: headersOf(target),
      body,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status === 202) into.submitMs.push(performance.now() - sentAt);
    note(into, response.status, text);
  } catch {
    note(into, 0, ""); // the report counts a missing answer
  }
}

function headersOf({ key }: Target): Record<string, string> {
  return { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
}

function note(into: Submissions, status: number, text: string): void {
  if (status === 202) into.acceptedIds.push((JSON.parse(text) as { id: string }).id);
  else into.rejected.set(status, (into.rejected.get(status) ?? 0) + 1);
}
