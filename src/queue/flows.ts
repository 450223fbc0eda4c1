/**
 * Flows in Redis. Their nodes advance in the scripts that end jobs; what a script cannot do, or not all at once, is work
 * that replicas take:
 *
 *   flow_work ──take──▶ a replica has it for two seconds ──done, advance, close, forget──▶ gone
 *      ▲────────────── the replica died: somebody else takes it ◀──┘
 */
import { at } from "../core/at.ts";
import type { DoomCode, FlowState, IdRange } from "../core/flows/flow.ts";
import { WORK_CODE } from "./codes.ts";
import type { Reply } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { DOOM_OF, rangesOf, readFlow } from "./flow-fields.ts";
import { FlowRepairs } from "./flow-repairs.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import type { Script } from "./scripts.ts";
import { scripts } from "./scripts.ts";

/** A replica does a piece of work within milliseconds, or extends its time; this is how long a dead one delays it. */
const TAKE_MS = 2_000;
/** Flows of one call: one of 1,000 nodes has some 1,000 fields. */
const MAX_READ = 20;
const MAX_TAKEN = 50;
const MAX_ADVANCED = 10;

interface Work {
  readonly flow: string;
  /** Its name in Redis. */
  readonly member: string;
}

/**
 * advance: call {@link RedisFlows.advance} · ended: store its row, then {@link RedisFlows.forget} · close: call
 * {@link RedisFlows.close} by `timeout` · cancel: cancel the jobs of all started nodes (of a batch, those of node 0) ·
 * stop: cancel the jobs of started nodes with `when` "succeeded" · doomed: cancel these jobs; after these three:
 * {@link RedisFlows.done} · prepared: cancel these jobs, whose retry does not take place, then {@link RedisFlows.dropped}.
 */
export type FlowWork =
  | (Work & { readonly kind: "advance" | "ended" | "close" })
  | (Work & {
      readonly kind: "cancel" | "stop";
      /** As given to {@link RedisFlows.extend}; 0 at first. */
      readonly position: number;
    })
  | (Work & { readonly kind: "prepared"; readonly ids: readonly IdRange[] })
  | (Work & {
      readonly kind: "doomed";
      readonly node: number;
      readonly ids: readonly IdRange[];
      /** The `error.code` of the jobs. */
      readonly code: DoomCode;
      /** The job because of which it can no longer run, and the name of its node; null if there is none. */
      readonly cause: { readonly id: string; readonly node: string } | null;
    });

export interface TakenWork {
  /** Epoch ms, Redis's. */
  readonly now: number;
  /** Epoch ms: when somebody must look next; null: never. */
  readonly next: number | null;
  readonly works: readonly FlowWork[];
}

/** A result or an error that Redis does not keep, because it is too large. */
const TOO_LARGE = "too_large";

/** JSON, or {@link TOO_LARGE}. */
export interface KeptResult {
  readonly result?: string;
  readonly error?: string;
}

/** closed: by this call · unchanged: it was closed before, or never open · missing: Redis has no such batch */
export type CloseAnswer = "closed" | "unchanged" | "missing";

/** requested: its jobs are cancelled from now on · ended: it has ended · missing: Redis does not have it */
export type CancelFlowAnswer = "requested" | "ended" | "missing";

export interface RedisFlowsParts {
  readonly ns: string;
  readonly connections: Pick<Connections, "work" | "reads" | "runTimed">;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
}

export class RedisFlows {
  /** What nobody would end without help. */
  readonly repairs: FlowRepairs;
  readonly #parts: RedisFlowsParts;
  #onWork: (dueAt: number) => void = () => undefined;

  constructor(parts: RedisFlowsParts) {
    this.#parts = parts;
    this.repairs = new FlowRepairs({ ...parts, onFlowWork: () => this.noteWork() });
  }

  /** @param onWork called when this replica learns that there is work at that time (epoch ms, Redis's) */
  listen({ onWork }: { readonly onWork: (dueAt: number) => void }): void {
    this.#onWork = onWork;
  }

  /** Reads the time of the next work from the reply of sweep.lua. @returns the ids that follow it */
  readSwept([next, ...ids]: readonly string[]): readonly string[] {
    const dueAt = timeOf(next);
    if (dueAt !== null) this.#onWork(dueAt);
    return ids;
  }

  /** A script of this replica has left work. */
  noteWork(): void {
    this.#onWork(this.#parts.now());
  }

  /** The flows of these ids; undefined for each that Redis does not have. */
  async read(ids: readonly string[]): Promise<(FlowState | undefined)[]> {
    const states: (FlowState | undefined)[] = [];
    for (let first = 0; first < ids.length; first += MAX_READ) {
      const part = ids.slice(first, first + MAX_READ);
      const args = [this.#parts.ns, ...part];
      const reply = (await this.#parts.connections.reads.run(scripts.flowRead, args, CALL_TIMEOUT_MS)) as unknown;
      for (const [i, [hash, added]] of (reply as readonly [string[], string[]][]).entries())
        states.push(this.#readable(at(part, i), hash, added));
    }
    return states;
  }

  /** Those of these ids of which Redis has no flow. */
  async missing(ids: readonly string[]): Promise<string[]> {
    const exist = ids.map((id) =>
      this.#parts.connections.reads.send("exists", [this.#key(`f:${id}`)], CALL_TIMEOUT_MS),
    );
    const found = await Promise.all(exist);
    return ids.filter((_, i) => found[i] === 0);
  }

  /** Flows that are not forgotten, newest first: `limit` at most, with ids below `below`. */
  async list({ below, limit }: { readonly below?: string | undefined; readonly limit: number }): Promise<FlowState[]> {
    const range = [below === undefined ? "+" : `(${below}`, "-", "BYLEX", "REV", "LIMIT", "0", String(limit)];
    const reply = await this.#parts.connections.reads.send("zrange", [this.#key("flows"), ...range], CALL_TIMEOUT_MS);
    return (await this.read(reply as string[])).filter((state) => state !== undefined);
  }

  /** How many flows are not forgotten, and how much work there is for them. */
  async counts(): Promise<{ readonly flows: number; readonly work: number }> {
    const { reads } = this.#parts.connections;
    const sizes = await Promise.all(
      ["flows", "flow_work"].map((key) => reads.send("zcard", [this.#key(key)], CALL_TIMEOUT_MS)),
    );
    return { flows: Number(sizes[0]), work: Number(sizes[1]) };
  }

  /** Takes work that is due. Nobody else gets it for two seconds. */
  async take(limit = MAX_TAKEN): Promise<TakenWork> {
    const args = [this.#parts.ns, String(TAKE_MS), String(Math.min(limit, MAX_TAKEN))];
    const reply = await this.#parts.connections.runTimed(scripts.flowTake, args, CALL_TIMEOUT_MS);
    const [now, next, rows] = reply as unknown as readonly [number, string, readonly string[][]];
    return { now, next: timeOf(next), works: rows.flatMap(readWork) };
  }

  /** Takes more time for a piece of work, and notes how far it is, for the replica that continues it after this one. */
  async extend({ flow, member }: FlowWork, position: number): Promise<void> {
    await this.#change("extend", flow, member, String(position), String(TAKE_MS));
  }

  /** The jobs of works of kind `cancel`, `stop` and `doomed` are cancelled, or were asked to stop. */
  async done(works: readonly FlowWork[]): Promise<void> {
    if (works.length === 0) return;
    const args = [this.#key("flow_work"), ...works.map(({ member }) => member)];
    await this.#parts.connections.work.send("zrem", args, CALL_TIMEOUT_MS);
  }

  /** Lets the jobs that were prepared for a retry be cancelled, unless it has taken place. */
  async dropPrepared(flow: string, retryId: string): Promise<void> {
    await this.#change("drop", flow, retryId);
  }

  /** The jobs of work of kind `prepared` are cancelled. */
  async dropped(flow: string): Promise<void> {
    await this.#change("dropped", flow);
  }

  /** Continues what a script did not finish. If there is still more, the listener learns it. */
  async advance(flows: readonly string[]): Promise<void> {
    for (let first = 0; first < flows.length; first += MAX_ADVANCED)
      await this.#run(scripts.flowAdvance, flows.slice(first, first + MAX_ADVANCED));
  }

  /** Cancels a flow as a whole, and closes an open batch: the jobs are cancelled as work of kind `cancel`. */
  async requestCancel(flow: string): Promise<CancelFlowAnswer> {
    const code = await this.#change("cancel", flow);
    return code === 0 ? "missing" : code === 1 ? "requested" : "ended";
  }

  /** Closes an open batch: no more jobs can be added, except by its running jobs. */
  async close(flow: string, by: "caller" | "timeout"): Promise<CloseAnswer> {
    const code = await this.#change("close", flow, by);
    return code === 0 ? "missing" : code === 1 ? "closed" : "unchanged";
  }

  /** What Redis keeps of these nodes of a flow, by the index of the node. */
  async results(flow: string, nodes: readonly number[]): Promise<Map<number, KeptResult>> {
    if (nodes.length === 0) return new Map();
    const fields = nodes.flatMap((node) => [`r${node}`, `e${node}`]);
    const args = [this.#key(`fr:${flow}`), ...fields];
    const values = (await this.#parts.connections.reads.send("hmget", args, CALL_TIMEOUT_MS)) as (string | null)[];
    const kept = (value: string | null): string | undefined => (value === "" ? TOO_LARGE : (value ?? undefined));
    return new Map(
      nodes.map((node, i) => {
        const [result, error] = [kept(at(values, 2 * i)), kept(at(values, 2 * i + 1))];
        return [node, { ...(result !== undefined && { result }), ...(error !== undefined && { error }) }];
      }),
    );
  }

  /** Drops what Redis keeps of these nodes of a flow. */
  async dropResults(flow: string, nodes: readonly number[]): Promise<void> {
    if (nodes.length === 0) return;
    const args = [this.#key(`fr:${flow}`), ...nodes.flatMap((node) => [`r${node}`, `e${node}`])];
    await this.#parts.connections.work.send("hdel", args, CALL_TIMEOUT_MS);
  }

  /** Forgets ended flows whose rows Postgres has. Others stay. */
  async forget(flows: readonly string[]): Promise<void> {
    const args = [this.#parts.ns, ...flows];
    if (flows.length > 0) await this.#parts.connections.work.run(scripts.flowForget, args, CALL_TIMEOUT_MS);
  }

  async #change(...args: readonly string[]): Promise<number> {
    return this.#run(scripts.flowChange, args);
  }

  /** Runs a script whose reply is a code, and 1 if it left work. */
  async #run(script: Script, args: readonly string[]): Promise<number> {
    const reply = await this.#parts.connections.work.run(script, [this.#parts.ns, ...args], CALL_TIMEOUT_MS);
    const [code, hasWork] = reply as unknown as readonly [number, number];
    if (hasWork === 1) this.noteWork();
    return code;
  }

  /** Reports what another program has damaged, and goes on with the others. */
  #readable(id: string, hash: readonly string[], added: readonly string[]): FlowState | undefined {
    try {
      return readFlow(id, hash, added);
    } catch (error) {
      this.#parts.onError(new Error(`flow ${id} cannot be read`, { cause: error }));
      return undefined;
    }
  }

  #key(name: string): string {
    return this.#parts.ns + name;
  }
}

const KIND_OF = new Map(Object.entries(WORK_CODE).map(([kind, code]) => [code as string, kind as FlowWork["kind"]]));

/** A piece of work as flow-take.lua replies it: its member, then what it needs. */
function readWork([member = "", ...about]: readonly string[]): FlowWork[] {
  const [flow = "", node] = member.slice(1).split(" ");
  const kind = KIND_OF.get(member.charAt(0));
  if (kind === undefined) return [];
  if (kind === "cancel" || kind === "stop") return [{ kind, flow, member, position: Number(about[0]) }];
  if (kind === "prepared") return [{ kind, flow, member, ids: rangesOf(about[0]) }];
  if (kind !== "doomed") return [{ kind, flow, member }];
  const [code = "", causeId, causeNode = "", ids] = about;
  return [
    {
      kind,
      flow,
      member,
      node: Number(node),
      ids: rangesOf(ids),
      code: DOOM_OF.get(code) ?? "cancelled",
      cause: causeId ? { id: causeId, node: causeNode } : null,
    },
  ];
}

/** A time as the scripts reply it; null for none. */
function timeOf(score: Reply | undefined): number | null {
  return score === "" || score === undefined ? null : Number(score);
}
