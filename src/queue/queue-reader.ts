/** Reads of the queue as a whole: which jobs there are, how many, and in which order. */
import type { Job } from "../core/job.ts";
import type { HistoryEntry } from "./changes.ts";
import type { Connection } from "./connection.ts";
import type { JobCounts } from "./counts.ts";
import { readJobCounts } from "./counts.ts";
import type { RedisFlows } from "./flows.ts";
import type { LiveIds, LiveSearch } from "./live-index.ts";
import { decodeFound, encodeSearch } from "./live-index.ts";
import type { QueuePosition } from "./position.ts";
import { readPosition, waitingFor } from "./position.ts";
import type { QueueDetail } from "./queue-detail.ts";
import { readQueueDetail } from "./queue-detail.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

/** How often a position is read for a job that was claimed, or moved, between the two reads. */
const MAX_POSITION_READS = 3;

export class QueueReader {
  readonly #connection: Pick<Connection, "run" | "send">;
  readonly #ns: string;
  readonly #flows: Pick<RedisFlows, "read">;

  constructor(connection: Pick<Connection, "run" | "send">, ns: string, flows: Pick<RedisFlows, "read">) {
    this.#connection = connection;
    this.#ns = ns;
    this.#flows = flows;
  }

  async jobCounts(): Promise<JobCounts> {
    return readJobCounts(await this.#connection.run(scripts.counts, [this.#ns], CALL_TIMEOUT_MS));
  }

  async queueDetail(type: string): Promise<QueueDetail> {
    return readQueueDetail(type, await this.#connection.run(scripts.queueDetail, [this.#ns, type], CALL_TIMEOUT_MS));
  }

  /** @param read the job as it is now; undefined if Redis does not have it */
  async position(id: string, read: () => Promise<Job | undefined>): Promise<QueuePosition | undefined> {
    for (let reads = 1; ; reads += 1) {
      const job = await read();
      if (!job) return undefined;
      const reply = await this.#connection.run(scripts.position, [this.#ns, id, job.type], CALL_TIMEOUT_MS);
      const position = readPosition(job, reply);
      const { flow } = job.options;
      if (job.status === "waiting" && flow) {
        const [state] = await this.#flows.read([flow.id]);
        return { ...position, waitingFor: state ? waitingFor(state, flow.at) : [] };
      }
      if (job.status !== "queued" || position.ahead !== null || reads === MAX_POSITION_READS) return position;
    }
  }

  async endedIds(limit: number): Promise<string[]> {
    return this.#strings("zrange", [`${this.#ns}outbox`, "0", String(limit - 1)]);
  }

  async liveIds(search: LiveSearch): Promise<LiveIds> {
    const args = encodeSearch(this.#ns, search);
    return decodeFound(await this.#connection.run(scripts.find, args, CALL_TIMEOUT_MS), search);
  }

  async liveCount(below: string | undefined, from: string | undefined): Promise<number> {
    const range = [from === undefined ? "-" : `[${from}`, below === undefined ? "+" : `(${below}`];
    return (await this.#connection.send("zlexcount", [`${this.#ns}live`, ...range], CALL_TIMEOUT_MS)) as number;
  }

  async missing(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const scores = await this.#connection.send("zmscore", [`${this.#ns}live`, ...ids], CALL_TIMEOUT_MS);
    return ids.filter((_, i) => (scores as readonly (string | null)[])[i] === null);
  }

  async history(
    range: { readonly from: string } | { readonly before: string | undefined },
    limit: number,
  ): Promise<HistoryEntry[]> {
    const [command, first, last] =
      "from" in range
        ? (["xrange", range.from, "+"] as const)
        : (["xrevrange", range.before === undefined ? "+" : `(${range.before}`, "-"] as const);
    const args = [`${this.#ns}history`, first, last, "COUNT", String(limit)];
    const entries = (await this.#connection.send(command, args, CALL_TIMEOUT_MS)) as [string, [string, string]][];
    return entries.map(([name, [, lines]]) => ({ name, lines }));
  }

  async time(): Promise<number> {
    const [seconds, micros] = (await this.#connection.send("time", [], CALL_TIMEOUT_MS)) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  async #strings(command: string, args: readonly string[]): Promise<string[]> {
    return (await this.#connection.send(command, args, CALL_TIMEOUT_MS)) as string[];
  }
}
