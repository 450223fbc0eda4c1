/** The harness's direct view of Redis, without the code under test. */
import type { Redis } from "ioredis";
import { openRedis } from "../../src/queue/client.ts";
import { until } from "../../src/testing/until.ts";

const NS = "{taskflow:0}:";

export interface SetSizes {
  readonly ready: number;
  readonly scheduled: number;
  readonly leased: number;
  readonly outbox: number;
  readonly live: number;
  /** Jobs that wait for others of their flow. */
  readonly waiting: number;
  /** Flows that are not recorded yet. */
  readonly flows: number;
  /** What replicas have to do for flows. */
  readonly flowWork: number;
}

export class RedisView {
  readonly #redis: Redis;

  constructor(address: string) {
    this.#redis = openRedis(address);
    this.#redis.on("error", () => undefined); // scenarios kill Redis
  }

  /** Waits for a connection and sends one command, which must be repeatable. */
  async send(name: string, ...args: (string | number)[]): Promise<unknown> {
    await until(() => this.#redis.status === "ready", { what: "the harness is connected to Redis", timeoutMs: 30_000 });
    return this.#redis.call(name, ...args);
  }

  /** The number of jobs in each set. */
  async setSizes(): Promise<SetSizes> {
    const types = await this.types();
    const script = "local r = {} for i, k in ipairs(KEYS) do r[i] = redis.call('ZCARD', k) end return r";
    const sets = ["scheduled", "leased", "outbox", "live", "waiting", "flows", "flow_work"];
    const keys = [...sets, ...types.map((type) => `ready:${type}`)].map((key) => NS + key);
    const sizes = (await this.send("EVAL", script, keys.length, ...keys)) as number[];
    const [scheduled = 0, leased = 0, outbox = 0, live = 0, waiting = 0, flows = 0, flowWork = 0, ...ready] = sizes;
    return {
      ...{ scheduled, leased, outbox, live, waiting, flows, flowWork },
      ready: ready.reduce((sum, count) => sum + count, 0),
    };
  }

  /** The counters by name (`accepted`, `running` …), summed over the types. */
  async counts(): Promise<Readonly<Record<string, number>>> {
    const fields = (await this.send("HGETALL", `${NS}counts`)) as string[];
    const counts: Record<string, number> = {};
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i]?.split(":")[0] ?? "";
      counts[name] = (counts[name] ?? 0) + Number(fields[i + 1]);
    }
    return counts;
  }

  /** The ids in one of the sets. */
  async idsIn(set: "scheduled" | "leased" | "outbox"): Promise<string[]> {
    return (await this.send("ZRANGE", NS + set, 0, -1)) as string[];
  }

  /** The replica that has, or last had, the lease of a job; "" for an unknown job. */
  async workerOf(id: string): Promise<string> {
    return String(await this.send("HGET", `${NS}states`, id)).slice(23, 31);
  }

  /** The jobs that a replica has leased. */
  async leasedBy(replicaId: string): Promise<string[]> {
    const ids = await this.idsIn("leased");
    const workers = await Promise.all(ids.map((id) => this.workerOf(id)));
    return ids.filter((_, i) => workers[i] === replicaId);
  }

  /** Keys of single jobs. */
  async jobKeys(): Promise<string[]> {
    const keys: string[] = [];
    let cursor = "0";
    do {
      const [next, found] = (await this.send(
        "SCAN",
        cursor,
        "MATCH",
        `${NS.replace(/[{}]/g, "?")}j:*`,
        "COUNT",
        5_000,
      )) as [string, string[]];
      keys.push(...found);
      cursor = next;
    } while (cursor !== "0");
    return keys;
  }

  async usedMemoryBytes(): Promise<number> {
    return (await this.memory()).used;
  }

  /** The bytes in use, and their peak. */
  async memory(): Promise<{ readonly used: number; readonly peak: number }> {
    const info = String(await this.send("INFO", "memory"));
    const read = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
    return { used: read("used_memory"), peak: read("used_memory_peak") };
  }

  /** Redis's data folder. */
  async dir(): Promise<string> {
    return ((await this.send("CONFIG", "GET", "dir")) as [string, string])[1];
  }

  /** Resolves when the append-only file is rewritten to the current data, without its history. */
  async rewriteAppendOnlyFile(): Promise<void> {
    const isDone = async (): Promise<boolean> => {
      const info = String(await this.send("INFO", "persistence"));
      return info.includes("aof_rewrite_in_progress:0") && info.includes("aof_rewrite_scheduled:0");
    };
    await until(isDone, { what: "no rewrite of the append-only file is under way", timeoutMs: 30_000 });
    await this.send("BGREWRITEAOF");
    await until(isDone, { what: "the append-only file is rewritten", timeoutMs: 30_000 });
  }

  close(): void {
    this.#redis.disconnect();
  }

  private async types(): Promise<string[]> {
    const fields = (await this.send("HKEYS", `${NS}counts`)) as string[];
    return [...new Set(fields.map((field) => field.slice(field.indexOf(":") + 1)))];
  }
}
