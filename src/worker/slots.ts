/**
 * The jobs that may run here at once: two lanes, and a limit for each type inside its lane. The worker claims no more
 * jobs than slots are free: a replica must not lease a job that it cannot run now.
 */
import type { AnyJobDefinition, Lane } from "../core/job-type.ts";
import type { FreeSlots } from "../queue/claim.ts";

/**
 * The share of lane `io` that one type can have: a type whose remote server hangs leaves the rest to the other types.
 * Attempts of lane `cpu` end soon, so a type may have the whole lane; the types take turns in being claimed first.
 */
const IO_TYPE_SHARE = 0.8;

interface TypeSlots {
  readonly type: string;
  readonly lane: Lane;
  readonly limit: number;
  running: number;
}

export interface SlotUse {
  readonly limit: number;
  readonly running: number;
}

export class Slots {
  readonly #types: TypeSlots[];
  readonly #byType: ReadonlyMap<string, TypeSlots>;
  readonly #lanes: Readonly<Record<Lane, { limit: number; running: number }>>;
  readonly #maxBytes: number;
  #bytes = 0;
  #turn = 0;

  /** @param maxBytes of the large payloads of all running jobs; a single job may exceed it */
  constructor(
    definitions: readonly AnyJobDefinition[],
    ioSlots: number,
    cpuSlots: number,
    maxBytes = Number.MAX_SAFE_INTEGER,
  ) {
    this.#maxBytes = maxBytes;
    this.#lanes = { io: { limit: ioSlots, running: 0 }, cpu: { limit: cpuSlots, running: 0 } };
    const ioTypes = definitions.filter(({ lane }) => lane === "io").length;
    const ioLimit = ioTypes > 1 ? Math.max(1, Math.ceil(ioSlots * IO_TYPE_SHARE)) : ioSlots;
    this.#types = definitions.map(({ type, lane }) => ({
      type,
      lane,
      limit: lane === "io" ? ioLimit : cpuSlots,
      running: 0,
    }));
    this.#byType = new Map(this.#types.map((slots) => [slots.type, slots]));
  }

  /** Takes this many slots of a type, or none. @param bytes of large payloads */
  tryTake(type: string, jobs: number, bytes = 0): boolean {
    const slots = this.#byType.get(type);
    const lane = slots && this.#lanes[slots.lane];
    if (!lane || slots.running + jobs > slots.limit || lane.running + jobs > lane.limit) return false;
    if (bytes > 0 && this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    this.#count(slots, jobs);
    return true;
  }

  /** Counts more bytes of a job that runs: its payload became large when its references were resolved. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  /** @returns whether a claim may find more work now: the lane or the type was full, or payloads had less room */
  give(type: string, jobs = 1, bytes = 0): boolean {
    const slots = this.#byType.get(type);
    this.#bytes -= bytes;
    if (!slots) return bytes > 0;
    const wasFull = slots.running >= slots.limit || this.#lanes[slots.lane].running >= this.#lanes[slots.lane].limit;
    this.#count(slots, -jobs);
    return wasFull || bytes > 0;
  }

  /** The free slots, at most `limit` in each lane. The types take turns in coming first, so that none starves. */
  free(limit: number): FreeSlots {
    this.#turn = (this.#turn + 1) % Math.max(1, this.#types.length);
    const order = [...this.#types.slice(this.#turn), ...this.#types.slice(0, this.#turn)];
    const lane = ({ limit: all, running }: SlotUse): number => Math.max(0, Math.min(limit, all - running));
    return {
      io: lane(this.#lanes.io),
      cpu: lane(this.#lanes.cpu),
      types: order.map((slots) => ({
        type: slots.type,
        lane: slots.lane,
        slots: Math.max(0, slots.limit - slots.running),
      })),
      bytes: { free: Math.max(0, this.#maxBytes - this.#bytes), isUnused: this.#bytes === 0 },
    };
  }

  get running(): number {
    return this.#lanes.io.running + this.#lanes.cpu.running;
  }

  /** For the metrics and the heartbeat. */
  use(): { readonly lanes: Readonly<Record<Lane, SlotUse>>; readonly types: Readonly<Record<string, SlotUse>> } {
    return {
      lanes: { io: { ...this.#lanes.io }, cpu: { ...this.#lanes.cpu } },
      types: Object.fromEntries(this.#types.map(({ type, limit, running }) => [type, { limit, running }])),
    };
  }

  #count(slots: TypeSlots, by: number): void {
    slots.running += by;
    this.#lanes[slots.lane].running += by;
  }
}
