/** The submissions of a phase, through autocannon. */
import autocannon from "autocannon";
import type { LoadType } from "./mix.ts";

export interface Target {
  readonly url: string;
  readonly key: string | undefined;
}

/** What the submissions of a phase were answered; it grows while they run. */
export interface Submissions {
  /** The ids of jobs that were accepted (202). */
  readonly acceptedIds: string[];
  /** Latencies of the accepted ones, from written to answered, in milliseconds. */
  readonly submitMs: number[];
  /** Other answers, by status; 0 counts those that never came. */
  readonly refused: Map<number, number>;
}

export interface Phase {
  readonly target: Target;
  readonly types: readonly LoadType[];
  readonly body: (type: LoadType, n: number) => string;
}

const REQUEST_TIMEOUT_SECONDS = 30;

export function noSubmissions(): Submissions {
  return { acceptedIds: [], submitMs: [], refused: new Map() };
}

/** Submits all jobs as fast as `connections` one after the other can, each job once. */
export async function submitBurst(phase: Phase, connections: number, into: Submissions): Promise<void> {
  await fire(phase, into, [...phase.types.keys()], { connections: Math.min(connections, phase.types.length) });
}

/**
 * Submits `rate` jobs per second, evenly. autocannon paces a connection in bursts, once a second; so there is one
 * connection for each job of a second, each a share of a second after the one before, and each sends one.
 */
export async function submitPaced(phase: Phase, rate: number, into: Submissions): Promise<void> {
  const lanes = Array.from({ length: Math.min(rate, phase.types.length) }, async (_, lane) => {
    const numbers = [...phase.types.keys()].filter((n) => n % rate === lane);
    await new Promise((resolve) => setTimeout(resolve, (lane * 1_000) / rate));
    await fire(phase, into, numbers, { connections: 1, connectionRate: 1 });
  });
  await Promise.all(lanes);
}

async function fire({ target, types, body }: Phase, into: Submissions, numbers: readonly number[], pace: { connections: number; connectionRate?: number }): Promise<void> {
  const left = numbers.values();
  const headers = { "content-type": "application/json", ...(target.key === undefined ? {} : { authorization: `Bearer ${target.key}` }) };
  const { errors: unanswered } = await autocannon({
    url: target.url,
    amount: numbers.length,
    timeout: REQUEST_TIMEOUT_SECONDS,
    sampleInt: 100, // it ends with a sample
    ignoreCoordinatedOmission: true, // latencies are taken below, as measured
    ...pace,
    setupClient: (client) => {
      client.on("response", (status: number, _bytes: number, ms: number) => {
        if (status === 202) into.submitMs.push(ms);
      });
    },
    requests: [
      {
        method: "POST",
        path: "/api/v1/jobs",
        headers,
        setupRequest: (request) => {
          const n = left.next().value ?? 0;
          return { ...request, body: body(types[n] as LoadType, n) };
        },
        onResponse: (status, text) => {
          if (status === 202) into.acceptedIds.push((JSON.parse(text) as { id: string }).id);
          else into.refused.set(status, (into.refused.get(status) ?? 0) + 1);
        },
      },
    ],
  });
  if (unanswered > 0) into.refused.set(0, (into.refused.get(0) ?? 0) + unanswered);
}
