/**
 * Large payloads in Redis: one key each, written and read as bytes by plain commands, on a connection that delays no
 * other calls.
 *
 *   put ──▶ stored for PUT_TTL_MS ──the script that enqueues its job──▶ stored until the job is forgotten
 *
 * A payload whose job was never enqueued (Redis rejected the script, or it came late) expires. That of a repeated
 * submission is dropped at once.
 */
import { ByteBudget } from "../concurrency/byte-budget.ts";
import type { Callback } from "../core/job.ts";
import type { LargePayload } from "../core/payload.ts";
import { dataOf, isLarge } from "../core/payload.ts";
import { QueueUnavailable } from "../errors.ts";
import type { Connection } from "./connection.ts";

/** Longer than an enqueue may be under way (`SUBMIT_TIMEOUT_MS` is a minute at most). */
const PUT_TTL_MS = 120_000;
/** Bytes that are requested and have not arrived. */
const MAX_BYTES_FETCHING = 32 * 1024 * 1024;
const MAX_WAITING = 1_000;
const TIMEOUT_MS = 10_000;

export class PayloadStore {
  readonly #connection: Connection;
  readonly #ns: string;
  readonly #fetching = new ByteBudget(MAX_BYTES_FETCHING);

  constructor(connection: Connection, ns: string) {
    this.#connection = connection;
    this.#ns = ns;
  }

  /**
   * Sends a payload; a script that is sent after it on the same connection finds it. A stored payload stays as it is.
   * @throws CodedError as {@link Connection.send}
   */
  async put(id: string, payload: LargePayload, timeoutMs = TIMEOUT_MS): Promise<void> {
    await this.#connection.store(`${this.#ns}p:${id}`, dataOf(payload), PUT_TTL_MS, timeoutMs);
  }

  /**
   * Sends the new payload of a job that is about to be updated, as {@link put} does. The script that updates the job
   * moves it from `name` to the job.
   */
  async putAside(name: string, payload: LargePayload): Promise<void> {
    await this.#connection.store(`${this.#ns}u:${name}`, dataOf(payload), PUT_TTL_MS, TIMEOUT_MS);
  }

  /** Stores the payloads of callbacks that are about to be enqueued. */
  async putAll(callbacks: readonly (Callback | undefined)[]): Promise<void> {
    const puts: Promise<void>[] = [];
    for (const callback of callbacks) {
      if (callback && isLarge(callback.submission.payload))
        puts.push(this.put(callback.id, callback.submission.payload));
    }
    if (puts.length > 0) await Promise.all(puts);
  }

  /**
   * The bytes of a payload, in memory that belongs to the caller; undefined if Redis has none. It waits its turn
   * while others are fetched.
   * @throws CodedError as {@link Connection.send}
   */
  async fetch(id: string, size: number): Promise<Buffer<ArrayBuffer> | undefined> {
    if (this.#fetching.waiting >= MAX_WAITING) throw new QueueUnavailable("too many payloads are being fetched");
    const share = await this.#fetching.acquire(size);
    try {
      return await this.#connection.fetch(`${this.#ns}p:${id}`, TIMEOUT_MS);
    } finally {
      share.release();
    }
  }
}
