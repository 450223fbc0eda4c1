/**
 * The depth of the queues over time: one replica at a time writes a sample of each queue once a minute. A queue that
 * stays empty has no samples; one that becomes empty has a last sample of depth 0.
 */
import { MINUTE_MS } from "../../core/time.ts";
import { Leader } from "../../postgres/leader.ts";
import { readSql } from "../../postgres/sql.ts";

const ADD = readSql(new URL("./samples-add.sql", import.meta.url));
const TIMEOUT_MS = 10_000;
/** Above three minutes: then a leader that writes once a minute needs no other statement to keep its session. */
const SILENT_MS = 200_000;

/** A queue at the time of a sample. */
export interface QueueState {
  readonly type: string;
  readonly depth: number;
  /** Null if no job waits. */
  readonly oldestWaitMs: number | null;
  readonly running: number;
}

export class QueueSamples {
  readonly #databaseUrl: string;
  /** Open while this replica leads, or tries to: a follower has no connection. */
  #leader: Leader | undefined;

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl;
  }

  /**
   * Writes a sample of each queue, as of the minute of `now`, if this replica leads. The samples of a minute are written
   * once: a repeat changes nothing.
   * @param read called only if this replica leads; `now` is Redis's time, epoch ms
   * @returns whether this replica leads
   * @throws what `read` throws, and pg's error if Postgres is away; then another replica may lead
   */
  async write(read: () => Promise<{ readonly now: number; readonly queues: readonly QueueState[] }>): Promise<boolean> {
    const leader = (this.#leader ??= new Leader({
      databaseUrl: this.#databaseUrl,
      name: "samples",
      timeoutMs: TIMEOUT_MS,
      silentMs: SILENT_MS,
    }));
    let leads = false;
    try {
      if ((await leader.lead()) === "no") return false;
      const { now, queues } = await read();
      await leader.query(ADD, [
        Math.floor(now / MINUTE_MS) * MINUTE_MS,
        queues.map(({ type }) => type),
        queues.map(({ depth }) => depth),
        queues.map(({ oldestWaitMs }) => (oldestWaitMs === null ? null : Math.round(oldestWaitMs))),
        queues.map(({ running }) => running),
      ]);
      leads = true;
      return true;
    } finally {
      if (!leads) this.close();
    }
  }

  /** Stops leading, and cuts off a write in progress. */
  close(): void {
    this.#leader?.close();
    this.#leader = undefined;
  }
}
