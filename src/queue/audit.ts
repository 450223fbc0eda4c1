/** Reads all keys of the queue, in pages that occupy Redis for a few milliseconds each, and changes nothing. */
import { at } from "../core/at.ts";
import type { FlowState } from "../core/flows/flow.ts";
import { ID_LENGTH } from "../core/id.ts";
import type { ScheduleState } from "../core/schedules/schedule.ts";
import type { Reply } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { JobCounts } from "./counts.ts";
import { readJobCounts } from "./counts.ts";
import { readFlow } from "./flow-fields.ts";
import { indexNames, memberOf } from "./index-names.ts";
import { JobReader } from "./job-reader.ts";
import { countTicks } from "./pending-ticks.ts";
import { scripts } from "./scripts.ts";
import type { JobSnapshot } from "./snapshot.ts";

/** Ids in one call: 2 to 5 ms of Redis, more with many types. */
const PAGE = 500;
const TIMEOUT_MS = 10_000;
/** Members of the index in one call. A job may have dozens of names. */
const MEMBERS_PER_CALL = 1_000;
/** A flow of 1,000 nodes has some 1,000 fields. */
const FLOWS_PER_CALL = 20;

export interface AuditCounts extends JobCounts {
  /** How many ids these sets contain, of all types. */
  readonly scheduled: number;
  readonly leased: number;
}

export interface Overdue {
  readonly id: string;
  /** Since when, epoch ms. */
  readonly since: number;
}

/** The working copy of a schedule, without its definition. */
export interface ScheduleInRedis {
  readonly name: string;
  readonly state: ScheduleState;
  /** Epoch ms: when a replica looks at it, infinite for never; null if it has no such time, as it always must. */
  readonly lookAt: number | null;
}

/** A flow, and whether there is work for it that a replica will do. */
export interface FlowInRedis {
  readonly state: FlowState;
  readonly hasWork: boolean;
}

export class Audit {
  readonly #connection: Connection;
  readonly #reader: JobReader;
  readonly #ns: string;
  /** The types that were ever accepted, and those that have a `ready` set. */
  readonly #types = new Set<string>();

  /** @param namespace as in {@link QueueOptions} */
  constructor(url: string, namespace: string) {
    this.#connection = new Connection(url, {
      onRoundTrip: () => undefined,
      onError: () => undefined,
      onReady: () => undefined,
    });
    this.#ns = `{${namespace}}:`;
    this.#reader = new JobReader(this.#connection, this.#ns);
  }

  /** Rejects with the last connection error if Redis does not answer within `timeoutMs`. */
  async open(timeoutMs: number): Promise<void> {
    await this.#connection.opened(timeoutMs);
  }

  async jobCounts(): Promise<AuditCounts> {
    const reply = (await this.#connection.run(scripts.counts, [this.#ns], TIMEOUT_MS)) as readonly Reply[];
    const jobCounts = readJobCounts(reply);
    for (const { type } of jobCounts.types) this.#types.add(type);
    return { ...jobCounts, scheduled: Number(reply[1]), leased: Number(reply[2]) };
  }

  /** A snapshot of each of these jobs, all at one instant. */
  async inspect(ids: readonly string[]): Promise<JobSnapshot[]> {
    const types = [...this.#types];
    const reply = (await this.#connection.run(
      scripts.inspect,
      [this.#ns, String(types.length), ...types, ...ids],
      TIMEOUT_MS,
    )) as string[];
    return ids.map((id, i) => {
      const found = at(reply, 3 * i + 2)
        .split(" ")
        .filter(Boolean);
      return {
        id,
        packed: at(reply, 3 * i + 1),
        isLive: found.includes("live"),
        lacksPayload: found.includes("no_payload"),
        sets: found.filter((set) => set !== "live" && set !== "no_payload"),
      };
    });
  }

  /**
   * From which time on each accepted job is in the index under all its names, epoch ms; undefined while no replica
   * maintains the index.
   */
  async indexedFrom(): Promise<number | undefined> {
    const { now } = await this.jobCounts();
    const [from, until] = await this.#strings("hmget", [`${this.#ns}indexed`, "from", "until"]);
    return from && Number(until) >= now ? Number(from) : undefined;
  }

  /** The newest ids in `live` from an id on, in pages: `limit` at most, and those that were there at the start. */
  async *newestLiveIds(from: string, limit: number): AsyncGenerator<string[]> {
    let [below, left] = ["+", limit];
    while (left > 0) {
      const range = [`${this.#ns}live`, below, `[${from}`, "LIMIT", "0", String(Math.min(PAGE, left))];
      const ids = await this.#strings("zrevrangebylex", range);
      const last = ids.at(-1);
      if (last === undefined) return;
      yield ids;
      below = `(${last}`;
      left -= ids.length;
    }
  }

  /** How many members that the index lacks each of these jobs should have; only jobs with any. */
  async unindexed(ids: readonly string[]): Promise<Map<string, number>> {
    const members: { readonly id: string; readonly member: string }[] = [];
    for (const job of await this.#reader.readHeaders(ids)) {
      const { id } = job;
      for (const name of indexNames(job).split("\0")) if (name !== "") members.push({ id, member: memberOf(name, id) });
    }
    const missing = new Map<string, number>();
    for (let first = 0; first < members.length; first += MEMBERS_PER_CALL) {
      const part = members.slice(first, first + MEMBERS_PER_CALL);
      const args = [`${this.#ns}index`, ...part.map(({ member }) => member)];
      const scores = (await this.#connection.send("zmscore", args, TIMEOUT_MS)) as (string | null)[];
      part.forEach(({ id }, i) => {
        if (scores[i] === null) missing.set(id, (missing.get(id) ?? 0) + 1);
      });
    }
    return missing;
  }

  /** The ids in `live` up to the newest one at the start, in pages: later jobs are left out, so the iteration ends. */
  async *liveIds(): AsyncGenerator<string[]> {
    const [newest] = await this.#strings("zrevrangebylex", [`${this.#ns}live`, "+", "-", "LIMIT", "0", "1"]);
    for (let from = "-"; newest !== undefined; ) {
      const ids = await this.#strings("zrangebylex", [
        `${this.#ns}live`,
        from,
        `[${newest}`,
        "LIMIT",
        "0",
        String(PAGE),
      ]);
      const last = ids.at(-1);
      if (last === undefined) return;
      yield ids;
      from = `(${last}`;
    }
  }

  /**
   * The ids that have a packed job, a payload or a state, or are in one of the five sets, but are missing in `live`; in
   * pages.
   */
  async *strangers(): AsyncGenerator<string[]> {
    const sets = new Set(["waiting", "scheduled", "leased", "outbox"]);
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
   * The entries of a set that are past their time.
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

  /** Until when no lease counts as lost because Redis was away; epoch ms, mostly past. */
  async graceUntil(): Promise<number> {
    return Number(await this.#connection.send("hget", [`${this.#ns}clock`, "grace_until"], TIMEOUT_MS));
  }

  /** The replicas that renewed recently. */
  async replicas(): Promise<Set<string>> {
    return new Set(await this.#strings("zrange", [`${this.#ns}replicas`, "0", "-1"]));
  }

  /** All schedules, in pages. */
  async *schedules(): AsyncGenerator<ScheduleInRedis[]> {
    for await (const entries of this.#scan("hscan", [`${this.#ns}schedule_states`], []))
      yield await this.#withTimes(
        entries.filter((_, i) => i % 2 === 0),
        entries.filter((_, i) => i % 2 === 1),
      );
  }

  /** The schedules of these names that Redis has. */
  async schedulesNamed(names: readonly string[]): Promise<ScheduleInRedis[]> {
    if (names.length === 0) return [];
    const reply = await this.#connection.send("hmget", [`${this.#ns}schedule_states`, ...names], TIMEOUT_MS);
    const states = reply as readonly (string | null)[];
    return this.#withTimes(
      names.filter((_, i) => states[i] !== null),
      states.filter((state) => state !== null),
    );
  }

  /** By the id of a schedule, how many decided ticks Postgres may not have yet. */
  pendingTicks(): Promise<Map<string, number>> {
    const list = `${this.#ns}pending_runs`;
    return countTicks(async (first, last) => {
      const range = [list, String(first), String(last)];
      return (await this.#connection.send("lrange", range, TIMEOUT_MS)) as readonly string[];
    });
  }

  async #withTimes(names: readonly string[], states: readonly string[]): Promise<ScheduleInRedis[]> {
    if (names.length === 0) return [];
    const reply = await this.#connection.send("zmscore", [`${this.#ns}schedule_ticks`, ...names], TIMEOUT_MS);
    const times = reply as readonly (string | null)[];
    return names.map((name, i) => {
      const time = at(times, i);
      const lookAt = time === null ? null : time === "inf" ? Number.POSITIVE_INFINITY : Number(time);
      return { name, state: JSON.parse(at(states, i)) as ScheduleState, lookAt };
    });
  }

  /** All flows that are not forgotten, in pages, each at one instant, and whether a replica has work for it. */
  async *flows(): AsyncGenerator<FlowInRedis[]> {
    const atWork = new Set<string>();
    for await (const entries of this.#scan("zscan", [`${this.#ns}flow_work`], []))
      for (const member of entries.filter((_, i) => i % 2 === 0)) atWork.add(member.slice(1, 1 + ID_LENGTH));
    for await (const entries of this.#scan("zscan", [`${this.#ns}flows`], [])) {
      const ids = entries.filter((_, i) => i % 2 === 0);
      for (let first = 0; first < ids.length; first += FLOWS_PER_CALL) {
        const states = await this.readFlows(ids.slice(first, first + FLOWS_PER_CALL));
        yield states.map((state) => ({ state, hasWork: atWork.has(state.id) }));
      }
    }
  }

  /** Those of these flows that Redis has, {@link FLOWS_PER_CALL} at most. */
  async readFlows(ids: readonly string[]): Promise<FlowState[]> {
    const reply = await this.#connection.run(scripts.flowRead, [this.#ns, ...ids], TIMEOUT_MS);
    return (reply as unknown as readonly (readonly [string[], string[]])[]).flatMap(
      ([hash, added], i) => readFlow(at(ids, i), hash, added) ?? [],
    );
  }

  /** The jobs that wait for others of a flow that Redis does not have, in pages, with the ids of the flows. */
  async *orphans(): AsyncGenerator<{ readonly id: string; readonly flow: string }[]> {
    for await (const entries of this.#scan("zscan", [`${this.#ns}waiting`], [])) {
      const waiting = await this.#reader.readHeaders(entries.filter((_, i) => i % 2 === 0));
      const members = waiting.map(({ id, options }) => ({ id, flow: options.flow?.id ?? "" }));
      if (members.length === 0) continue;
      const args = [`${this.#ns}flows`, ...members.map(({ flow }) => flow)];
      const scores = (await this.#connection.send("zmscore", args, TIMEOUT_MS)) as readonly (string | null)[];
      yield members.filter((_, i) => scores[i] === null);
    }
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
        [...key, cursor, ...filter, "COUNT", String(PAGE)],
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
