/** Reads all that the queue keeps, in slices that hold up Redis for a few milliseconds each, and changes nothing. */

import type { Reply } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { JobCounts } from "./counts.ts";
import { readJobCounts } from "./counts.ts";
import { scripts } from "./scripts.ts";
import type { JobSnapshot } from "./snapshot.ts";

/** Ids in one call: 2 to 5 ms of Redis, more with many types. */
const SLICE = 500;
const TIMEOUT_MS = 10_000;

export interface AuditCounts extends JobCounts {
  /** How many ids stand in these sets, of all types. */
  readonly scheduled: number;
  readonly leased: number;
}

export interface Overdue {
  readonly id: string;
  /** Since when, epoch ms. */
  readonly since: number;
}

export class Audit {
  readonly #connection: Connection;
  readonly #ns: string;
  /** Those that were ever accepted, and those of which there is a `ready` set. */
  readonly #types = new Set<string>();

  /** @param namespace as in {@link QueueOptions} */
  constructor(url: string, namespace: string) {
    this.#connection = new Connection(url, {
      onRoundTrip: () => undefined,
      onError: () => undefined,
      onReady: () => undefined,
    });
    this.#ns = `{${namespace}}:`;
  }

  /** Rejects with what is wrong when Redis does not answer within `timeoutMs`. */
  async open(timeoutMs: number): Promise<void> {
    await this.#connection.opened(timeoutMs);
  }

  async jobCounts(): Promise<AuditCounts> {
    const reply = (await this.#connection.run(scripts.counts, [this.#ns], TIMEOUT_MS)) as readonly Reply[];
    const jobCounts = readJobCounts(reply);
    for (const { type } of jobCounts.types) this.#types.add(type);
    return { ...jobCounts, scheduled: Number(reply[1]), leased: Number(reply[2]) };
  }

  /** Where each of these stands, a slice at one instant. */
  async inspect(ids: readonly string[]): Promise<JobSnapshot[]> {
    const types = [...this.#types];
    const reply = (await this.#connection.run(
      scripts.inspect,
      [this.#ns, String(types.length), ...types, ...ids],
      TIMEOUT_MS,
    )) as string[];
    return ids.map((id, i) => {
      const places = (reply[3 * i + 2] ?? "").split(" ").filter(Boolean);
      return {
        id,
        head: reply[3 * i + 1] ?? "",
        isLive: places.includes("live"),
        lacksPayload: places.includes("no_payload"),
        sets: places.filter((set) => set !== "live" && set !== "no_payload"),
      };
    });
  }

  /** The ids in `live`, up to the newest of now, in slices: one that comes meanwhile is not waited for. */
  async *liveIds(): AsyncGenerator<string[]> {
    const [newest] = await this.#strings("zrevrangebylex", [`${this.#ns}live`, "+", "-", "LIMIT", "0", "1"]);
    for (let from = "-"; newest !== undefined; ) {
      const ids = await this.#strings("zrangebylex", [
        `${this.#ns}live`,
        from,
        `[${newest}`,
        "LIMIT",
        "0",
        String(SLICE),
      ]);
      const last = ids.at(-1);
      if (last === undefined) return;
      yield ids;
      from = `(${last}`;
    }
  }

  /** The ids of which there is a text, a payload or a state, or that stand in one of the four sets, and that are missing in `live`, in slices. */
  async *strangers(): AsyncGenerator<string[]> {
    const sets = new Set(["scheduled", "leased", "outbox"]);
    for await (const keys of this.#scan("scan", [], ["MATCH", `${this.#ns}*`])) {
      const names = keys.map((key) => key.slice(this.#ns.length));
      for (const name of names) if (name.startsWith("ready:")) sets.add(name);
      yield await this.#notLive(names.filter((name) => /^[jp]:/.test(name)).map((name) => name.slice("j:".length)));
    }
    for await (const fields of this.#scan("hscan", [`${this.#ns}states`], []))
      yield await this.#notLive(fields.filter((_, i) => i % 2 === 0));
    for (const set of sets) {
      if (set.startsWith("ready:")) this.#types.add(set.slice("ready:".length));
      for await (const members of this.#scan("zscan", [`${this.#ns}${set}`], [])) {
        yield await this.#notLive(members.filter((_, i) => i % 2 === 0));
      }
    }
  }

  /**
   * What stands in a set beyond its time.
   * @param before epoch ms, Redis's
   */
  async overdue(set: "leased" | "outbox", before: number, limit: number): Promise<Overdue[]> {
    const reply = await this.#strings("zrangebyscore", [
      `${this.#ns}${set}`,
      "-inf",
      String(before),
      "WITHSCORES",
      "LIMIT",
      "0",
      String(limit),
    ]);
    return reply.flatMap((id, i) => (i % 2 === 0 ? [{ id, since: Number(reply[i + 1]) }] : []));
  }

  /** Until when no lease is taken as lost, because Redis was away; epoch ms, mostly past. */
  async graceUntil(): Promise<number> {
    return Number(await this.#connection.send("hget", [`${this.#ns}clock`, "grace_until"], TIMEOUT_MS));
  }

  /** Which replicas have renewed lately. */
  async replicas(): Promise<Set<string>> {
    return new Set(await this.#strings("zrange", [`${this.#ns}replicas`, "0", "-1"]));
  }

  close(): void {
    this.#connection.close();
  }

  async #notLive(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const scores = (await this.#connection.send("zmscore", [`${this.#ns}live`, ...ids], TIMEOUT_MS)) as (
      | string
      | null
    )[];
    return ids.filter((_, i) => scores[i] === null);
  }

  async *#scan(
    command: "scan" | "hscan" | "zscan",
    key: readonly string[],
    filter: readonly string[],
  ): AsyncGenerator<string[]> {
    let cursor = "0";
    do {
      const [next, found] = (await this.#connection.send(
        command,
        [...key, cursor, ...filter, "COUNT", String(SLICE)],
        TIMEOUT_MS,
      )) as [string, string[]];
      yield found;
      cursor = next;
    } while (cursor !== "0");
  }

  async #strings(command: string, args: string[]): Promise<string[]> {
    return (await this.#connection.send(command, args, TIMEOUT_MS)) as string[];
  }
}
