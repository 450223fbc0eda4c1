/** Submits jobs of the type `bench_pickup` at a slow, steady rate, and reads how long after its POST each handler ran. */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Services } from "./services.ts";

/** The table of the finished jobs, as the text after `from`. */
export const PICKUP_ROWS = "jobs where type = 'bench_pickup'";

/** Longer than a pickup takes, and uneven, because it must not synchronize with a timer of the replica. */
const GAP_MS = { least: 15, spread: 20 };

/**
 * Submits one job after the other.
 * @param url of a replica
 * @param isLast whether to stop after so many jobs
 * @returns how many it has submitted
 * @throws {Error} if a job is rejected
 */
export async function submitPickups(url: string, isLast: (submitted: number) => boolean): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let submitted = 0;
  try {
    do {
      const job = `{"type":"bench_pickup","payload":{"sent_at_ms":${Number(process.hrtime.bigint()) / 1e6}}}`;
      await post(`${url}/api/v1/jobs`, agent, job);
      await delay(GAP_MS.least + ((submitted * 7) % GAP_MS.spread));
      submitted += 1;
    } while (!isLast(submitted));
  } finally {
    agent.destroy();
  }
  return submitted;
}

/** The milliseconds from each job's POST to its handler, oldest first. */
export async function pickupLatencies(services: Services): Promise<number[]> {
  const rows = await services.query<{ ms: number }>(
    `select (result->>'pickup_ms')::float8 as ms from ${PICKUP_ROWS} order by id`,
  );
  return rows.map(({ ms }) => ms);
}

/** Uses node:http, which writes immediately; fetch adds half a millisecond. */
function post(url: string, agent: Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent, method: "POST", headers: { "content-type": "application/json", "content-length": body.length } },
      (response) => {
        response
          .resume()
          .on("end", () =>
            response.statusCode === 202
              ? resolve()
              : reject(new Error(`a job was answered with ${response.statusCode ?? 0}`)),
          );
      },
    );
    sent.on("error", reject).end(body);
  });
}
