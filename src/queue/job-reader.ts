/**
 * Reads jobs on a separate connection: no script copies a packed job for a reader, and no lease waits behind one. What
 * is short, scripts read: a command for each job takes the replica and Redis longer than a read itself.
 *
 * The state is requested first, and the packed submission in the same packet. So a job that changes meanwhile appears
 * as it was at the first command. A job that is forgotten in between is missing here, and already stored in Postgres.
 */
import { ByteBudget } from "../concurrency/byte-budget.ts";
import type { Job } from "../core/job.ts";
import { readJob, START_BYTES, wholePacked } from "../core/packed-job.ts";
import { OMITTED_PAYLOAD } from "../core/payload.ts";
import { QueueUnavailable } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";

const TIMEOUT_MS = 5_000;
/** Jobs of one packet. */
const MAX_JOBS = 50;
/** Bytes of the states of one packet: a job in the outbox may have a result of 1 MiB, and the logs of its attempts. */
const MAX_STATE_BYTES = 2 * 1024 * 1024;
/** Bytes of all reads under way. */
const MAX_BYTES_READING = 32 * 1024 * 1024;
/** A read of one job counts as this many bytes: larger ones are rare. */
const EXPECTED_BYTES = 64 * 1024;
const MAX_WAITING = 10_000;

export class JobReader {
  readonly #connection: Connection;
  readonly #ns: string;
  readonly #reading = new ByteBudget(MAX_BYTES_READING);

  constructor(connection: Connection, ns: string) {
    this.#connection = connection;
    this.#ns = ns;
  }

  /**
   * The jobs of these ids that Redis has, whether they wait, run, or are in the outbox; large payloads are left out.
   */
  async read(ids: readonly string[]): Promise<Job[]> {
    return this.#inParts(ids, (part) => this.#whole(part));
  }

  /** As {@link read}, without any payload: the cost does not depend on payloads. */
  async readHeaders(ids: readonly string[]): Promise<Job[]> {
    const jobs = await this.#inParts(ids, (part) => this.#starts(part));
    return jobs.map((job) => ({ ...job, payload: OMITTED_PAYLOAD }));
  }

  async #inParts(
    ids: readonly string[],
    packedOf: (ids: readonly string[]) => Promise<(string | null)[]>,
  ): Promise<Job[]> {
    const jobs: Job[] = [];
    for (let at = 0; at < ids.length; ) {
      if (this.#reading.waiting >= MAX_WAITING) throw new QueueUnavailable("too many reads are under way");
      const share = await this.#reading.acquire(Math.min(ids.length - at, MAX_JOBS) * EXPECTED_BYTES);
      try {
        const part = await this.#fitting(ids.slice(at, at + MAX_JOBS));
        const [states, submitted] = await Promise.all([
          this.#connection.send("hmget", [`${this.#ns}states`, ...part], TIMEOUT_MS),
          packedOf(part),
        ]);
        part.forEach((id, i) => {
          const packed = submitted[i];
          if (packed) jobs.push(readJob(id, wholePacked(packed, (states as (string | null)[])[i] ?? undefined)));
        });
        at += part.length;
      } finally {
        share.release();
      }
    }
    return jobs;
  }

  /** As many of these as fit into one packet, at least one. */
  async #fitting(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 1) return ids;
    const lengths = (await this.#connection.run(scripts.stateLengths, [this.#ns, ...ids], TIMEOUT_MS)) as number[];
    let bytes = 0;
    const end = lengths.findIndex((length, i) => {
      bytes += length;
      return i > 0 && bytes > MAX_STATE_BYTES;
    });
    return end === -1 ? ids : ids.slice(0, end);
  }

  /** Packed submissions up to their payloads; null for each that Redis does not have. */
  async #starts(ids: readonly string[]): Promise<(string | null)[]> {
    const args = [this.#ns, String(START_BYTES - 1), ...ids];
    const starts = (await this.#connection.run(scripts.starts, args, TIMEOUT_MS)) as string[];
    const isCut = (start: string | undefined): boolean => !!start && !start.includes("\n"); // long options
    const cut = ids.filter((_, i) => isCut(starts[i]));
    const whole = cut.length === 0 ? [] : await this.#whole(cut);
    const byId = new Map(cut.map((id, i) => [id, whole[i]]));
    return ids.map((id, i) => {
      const packed = byId.get(id) ?? starts[i];
      return packed ? packed.slice(0, packed.indexOf("\n") + 1) : null;
    });
  }

  /** Packed submissions; null for each that Redis does not have. */
  async #whole(ids: readonly string[]): Promise<(string | null)[]> {
    const keys = ids.map((id) => `${this.#ns}j:${id}`);
    return (await this.#connection.send("mget", keys, TIMEOUT_MS)) as (string | null)[];
  }
}
