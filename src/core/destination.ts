/**
 * What may be sent to one destination (a host that callers name) at a time, so that one that is slow or dead takes no more
 * than a few slots, and is not overrun when it comes back. A replica's destinations are decided for all replicas together.
 */

/** How a visit went: it answered · it answers, but asks for less · it failed or did not answer · nothing was learnt. */
export type Sign = "up" | "busy" | "down" | "unknown";

export interface DestinationLimits {
  /** Attempts at once, of all replicas. */
  readonly concurrency: number;
  /** Attempts a second, of all replicas; 0 for no limit. */
  readonly perSecond: number;
}

export interface Destinations {
  /**
   * Asks to send now. Who is let in calls what is returned when done, once, with how it went.
   * @param destination a host, or host and port, as the WHATWG URL parser writes it
   * @param forMs what the visit takes at most: one that never ends (its process died) is over after that
   * @throws {RetryAfterError} code `destination_limited`, with when to come back: a slot that only waits would be missing elsewhere
   */
  enter(destination: string, limits: DestinationLimits, forMs: number): Promise<(sign: Sign) => void>;
}

/** Lets everyone in: where nothing is shared. */
export const unlimited: Destinations = { enter: () => Promise.resolve(() => undefined) };
