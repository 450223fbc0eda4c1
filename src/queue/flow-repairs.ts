/**
 * Finds what would keep flows from their end: jobs that a replica of an earlier version has ended, which counts nothing
 * for flows; flows that Redis has lost alone; and work that it has lost. A pass over all flows and waiting jobs is made
 * of short calls. Any number of replicas may repair at once; `lead` only saves work.
 */
import type { Connections } from "./connections.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

/** Flows of one call; it ends earlier if they have many nodes. */
const MAX_FLOWS = 200;
/** Waiting jobs of one call: about a millisecond. */
const MAX_WAITING = 500;

/** A node, by its index in the flow. */
export interface NodeOfFlow {
  readonly flow: string;
  readonly node: number;
}

export interface OverduePage {
  /** The flow after which the next page begins; "" after the last page. */
  readonly after: string;
  /** Ids of flows that Redis has lost. */
  readonly gone: readonly string[];
  /** Nodes that wait for more jobs than Redis has: some have ended uncounted, or are lost. */
  readonly overdue: readonly NodeOfFlow[];
}

export interface OrphanPage {
  /** Where the next page begins; "0" after the last page. */
  readonly cursor: string;
  readonly orphans: readonly { readonly id: string; readonly flow: string }[];
}

interface Counts {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface LateEnds extends NodeOfFlow {
  /** What the flow counted when the caller read it. */
  readonly counted: Counts;
  readonly late: Counts;
  /** The id of the first job that failed, and of the first that was cancelled. */
  readonly firstFailed?: string | undefined;
  readonly firstCancelled?: string | undefined;
  /** JSON, "" for one that is too large: what other nodes refer to. */
  readonly result?: string | undefined;
  readonly error?: string | undefined;
}

export interface FlowRepairsParts {
  readonly ns: string;
  readonly connections: Pick<Connections, "work" | "reads">;
  readonly onFlowWork: () => void;
}

export class FlowRepairs {
  readonly #parts: FlowRepairsParts;

  constructor(parts: FlowRepairsParts) {
    this.#parts = parts;
  }

  /** Whether this replica is the one that repairs for the next `ms`. @param replica its id */
  async lead(replica: string, ms: number): Promise<boolean> {
    const { ns, connections } = this.#parts;
    const key = `${ns}flow_repair`;
    const send = (command: string, args: string[]): Promise<unknown> =>
      connections.work.send(command, args, CALL_TIMEOUT_MS);
    if ((await send("set", [key, replica, "NX", "PX", String(ms)])) !== null) return true;
    if ((await send("get", [key])) !== replica) return false;
    await send("pexpire", [key, String(ms)]);
    return true;
  }

  /** Looks through flows, and puts back work that they lack. @param after as in the last page, "" at first */
  async overdue(after: string): Promise<OverduePage> {
    const { ns, connections, onFlowWork } = this.#parts;
    const args = [ns, after, String(MAX_FLOWS)];
    const reply = await connections.work.run(scripts.flowOverdue, args, CALL_TIMEOUT_MS);
    const [next, hasWork, ...found] = reply as unknown as readonly [string, number, ...string[]];
    if (hasWork === 1) onFlowWork();
    const nodes = found.map((one) => one.split(" "));
    return {
      after: next,
      gone: nodes.flatMap(([flow = "", node]) => (node === undefined ? [flow] : [])),
      overdue: nodes.flatMap(([flow = "", node]) => (node === undefined ? [] : [{ flow, node: Number(node) }])),
    };
  }

  /** Jobs that wait for others of a flow that Redis does not have. @param cursor as in the last page, "0" at first */
  async orphans(cursor: string): Promise<OrphanPage> {
    const { ns, connections } = this.#parts;
    const args = [ns, cursor, String(MAX_WAITING)];
    const reply = await connections.reads.run(scripts.flowOrphans, args, CALL_TIMEOUT_MS);
    const [next, ...found] = reply as unknown as readonly [string, ...string[]];
    const orphans = found.flatMap((id, i) => (i % 2 === 0 ? [{ id, flow: found[i + 1] ?? "" }] : []));
    return { cursor: next, orphans };
  }

  /**
   * Counts ends that nobody has counted.
   * @returns false, and changes nothing, if the counts are not those that the caller read
   */
  async count({ flow, node, counted, late, firstFailed, firstCancelled, result, error }: LateEnds): Promise<boolean> {
    const { ns, connections, onFlowWork } = this.#parts;
    const before = [counted.completed, counted.failed, counted.cancelled];
    const more = [late.completed, late.failed, late.cancelled];
    const args = [ns, flow, ...[node, ...before, ...more].map(String), firstFailed ?? "", firstCancelled ?? ""];
    if (result !== undefined) args.push(`r${result}`);
    if (error !== undefined) args.push(`e${error}`);
    const reply = await connections.work.run(scripts.flowCount, args, CALL_TIMEOUT_MS);
    const [hasChanged, hasWork] = reply as unknown as readonly [number, number];
    if (hasWork === 1) onFlowWork();
    return hasChanged === 1;
  }

  /** Removes what is left of flows that Redis has lost. */
  async discard(flows: readonly string[]): Promise<void> {
    const args = [this.#parts.ns, ...flows];
    if (flows.length > 0) await this.#parts.connections.work.run(scripts.flowDiscard, args, CALL_TIMEOUT_MS);
  }
}
