/** The destinations that visits were sent to lately, and the reset of one. How their limits work: destinations.ts. */
import { at } from "../core/at.ts";
import type { Connection } from "./connection.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

/** Hosts in one call: about a millisecond of Redis. */
const PAGE = 250;
const REPLY_LENGTH = 9;

export interface DestinationState {
  readonly host: string;
  /** As in destinations.ts: an `open` host gets nothing, a `half_open` one a single visit that probes it. */
  readonly state: "open" | "half_open" | "closed";
  /** Visits under way, of all replicas. */
  readonly inFlight: number;
  /** The visits that may be under way at once: the window. The setting of the type may be less. */
  readonly limit: number;
  readonly consecutiveFailures: number;
  /** When an open host gets its next visit, epoch ms; null unless it is open. */
  readonly suspendedUntil: number | null;
  /** When a visit ended or was put off, epoch ms; up to a minute late. */
  readonly lastUsed: number;
  /** How many of its routes have a separate state. */
  readonly routes: number;
  /** Visits that were put off and have not returned: at most 10,000 are counted. */
  readonly waiting: number;
}

export class DestinationList {
  readonly #connection: Pick<Connection, "run">;
  readonly #ns: string;

  constructor(connection: Pick<Connection, "run">, ns: string) {
    this.#connection = connection;
    this.#ns = ns;
  }

  /** The hosts used in the last 15 minutes, the latest 1,000 of them, the one used last first. */
  async all(): Promise<DestinationState[]> {
    const found = new Map<string, DestinationState>(); // a host that is used between two calls may be in both
    for (let skip = 0; ; skip += PAGE) {
      const page = await this.#read(String(skip), String(PAGE));
      for (const destination of page) found.set(destination.host, destination);
      if (page.length < PAGE) return [...found.values()];
    }
  }

  /**
   * Ends the suspension of a host and of its routes, and forgets their failures.
   * @returns its state after that; undefined if it was not used in the last 15 minutes
   */
  async reset(host: string): Promise<DestinationState | undefined> {
    if ((await this.#connection.run(scripts.resetDestination, [this.#ns, host], CALL_TIMEOUT_MS)) === 0)
      return undefined;
    return (await this.#read("", host))[0];
  }

  async #read(skip: string, most: string): Promise<DestinationState[]> {
    const reply = await this.#connection.run(scripts.destinations, [this.#ns, skip, most], CALL_TIMEOUT_MS);
    return readDestinations(reply as readonly (string | number)[]);
  }
}

/** @param reply of destinations.lua */
function readDestinations(reply: readonly (string | number)[]): DestinationState[] {
  const now = Number(reply[0]);
  const destinations: DestinationState[] = [];
  for (let i = 1; i < reply.length; i += REPLY_LENGTH) {
    const number = (column: number): number => Number(at(reply, i + column));
    const openUntil = number(6);
    const isOpen = openUntil > now;
    destinations.push({
      host: String(at(reply, i)),
      state: isOpen ? "open" : number(5) === 1 ? "half_open" : "closed",
      inFlight: number(2),
      limit: number(3),
      consecutiveFailures: number(4),
      suspendedUntil: isOpen ? openUntil : null,
      lastUsed: number(1),
      routes: number(7),
      waiting: number(8),
    });
  }
  return destinations;
}
