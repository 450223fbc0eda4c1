/**
 * Renews all leases of one replica without a list of them, over a separate connection. The thread that guards a
 * replica's leases uses it while the main thread cannot renew them.
 */
import { Connection } from "./connection.ts";
import { MIN_ALIVE_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

export interface ReplicaLeasesOptions {
  readonly url: string;
  readonly namespace: string;
  /** The replica whose leases these are: eight characters. */
  readonly replica: string;
  readonly leaseMs: number;
}

/** The main thread logs lost connections, and a call that fails rejects. */
const ignore = (): void => undefined;

export class ReplicaLeases {
  readonly #options: ReplicaLeasesOptions;
  readonly #connection: Connection;

  constructor(options: ReplicaLeasesOptions) {
    this.#options = options;
    this.#connection = new Connection(options.url, { onRoundTrip: ignore, onError: ignore, onReady: ignore });
  }

  /** Waits for the first connection. */
  opened(timeoutMs: number): Promise<void> {
    return this.#connection.opened(timeoutMs);
  }

  /**
   * Renews the lease of each job that runs at this replica, in calls of bounded size, and keeps the replica visible to
   * the others.
   * @param timeoutMs for each call
   * @returns how many leases were renewed
   * @throws like {@link Connection.run}; some leases may be renewed already
   */
  async renew(timeoutMs: number): Promise<number> {
    const { namespace, replica, leaseMs } = this.#options;
    const aliveMs = Math.max(leaseMs, MIN_ALIVE_MS);
    let renewed = 0;
    let cursor = "0";
    do {
      const args = [`{${namespace}}:`, replica, String(leaseMs), String(aliveMs), cursor];
      const [next, count] = (await this.#connection.run(scripts.renewReplica, args, timeoutMs)) as [string, number];
      renewed += count;
      cursor = next;
    } while (cursor !== "0");
    return renewed;
  }

  /** Calls are rare, so this detects a dead connection; the client then reconnects. */
  ping(timeoutMs: number): void {
    this.#connection.send("ping", [], timeoutMs).then(ignore, ignore);
  }

  close(): void {
    this.#connection.close();
  }
}
