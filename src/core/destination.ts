/**
 * What may be sent to one destination (a host that callers name) at a time, so that one that is slow or dead takes no more
 * than a few slots, and is not overrun when it comes back. A replica's destinations are decided for all replicas together.
 */

/**
 * How a visit went:
 *
 *   up          the host answered, and not with an error of its own
 *   busy        it answered, and asks for less (429)
 *   failed      it answered with an error, or broke its answer off
 *   overloaded  it answered with an error that speaks of the whole host (503)
 *   late        no answer within a time that was too short to say anything of the host
 *   down        no answer at all: no connection, a connection that broke, or silence
 *   unknown     nothing was learnt
 *
 * Only `down` counts against the host, and so against everyone's visits to it. The others count against the visit's route.
 */
export type HostHealth = "up" | "busy" | "failed" | "overloaded" | "late" | "down" | "unknown";

/** Where a visit goes, and for whom. Caller and path together are its route: error answers on one route hold up no other. */
export interface Destination {
  /** A host, or host and port, as the WHATWG URL parser writes it. */
  readonly host: string;
  readonly path: string;
  /** Whose visit it is, where that is known: the job's `group_key`. "" for all others together. */
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
   * Asks to send now. Who is let in calls what is returned when done, once, with how it went. Until then the visit counts, however
   * long it takes, and for about one lease more where its process dies.
   * @throws {RetryAfterError} code `destination_limited`, with when to come back: a slot that only waits would be missing elsewhere
   */
  enter(destination: Destination, limits: DestinationLimits): Promise<(health: HostHealth) => void>;
}

/** Lets everyone in: where nothing is shared. */
export const unlimited: Destinations = { enter: () => Promise.resolve(() => undefined) };
