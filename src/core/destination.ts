/**
 * Limits on what is sent to one destination (a host that callers name) at a time: a slow or dead host takes no more
 * than a few slots, and is not overrun when it comes back. Visits are admitted for all replicas together.
 */

/**
 * What a visit shows of the health of its host:
 *
 *   up          the host answered without an error on its side
 *   busy        it answered, and asks for less (429)
 *   failed      it answered with an error, or broke off its answer
 *   overloaded  it answered with an error of the whole host (503)
 *   late        no answer within a time too short to judge the host
 *   down        no answer at all: no connection, a connection that broke, or silence
 *   unknown     the visit showed nothing
 *
 * Only `down` counts against the host, and so against everyone's visits to it. The others count against the visit's
 * route.
 */
export type HostHealth = "up" | "busy" | "failed" | "overloaded" | "late" | "down" | "unknown";

/**
 * The target and the caller of a visit. Caller and path together are its route: errors on one route do not delay
 * others.
 */
export interface Destination {
  /** A host, or host and port, as the WHATWG URL parser writes it. */
  readonly host: string;
  readonly path: string;
  /** The job's `group_key`, or "" for all jobs without one together. */
  readonly caller: string;
}

export interface DestinationLimits {
  /** Attempts at once, of all replicas. */
  readonly concurrency: number;
  /** Attempts a second, of all replicas; 0 for no limit. */
  readonly perSecond: number;
}

export interface Destinations {
  /**
   * Requests to send now. An admitted caller calls the returned function once, with the host's health, when the visit
   * is over. Until then the visit counts, however long it takes, and for about one lease more if its process dies.
   * @throws {RetryAfterError} code `destination_limited`, with the time to come back: a slot that only waits would be
   * missing elsewhere
   */
  enter(destination: Destination, limits: DestinationLimits): Promise<(health: HostHealth) => void>;
}

/** Admits every visit: for tests and single attempts, where no limit is shared. */
export const unlimited: Destinations = { enter: () => Promise.resolve(() => undefined) };
