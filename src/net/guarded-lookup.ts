/** Guards connections: only the permitted addresses of a host are connected to. */
import { type LookupAddress, TIMEOUT } from "node:dns";
import type { LookupFunction } from "node:net";
import { RetryAfterError } from "../core/job-type.ts";
import { codeOf } from "../errors.ts";
import { type Allowed, rejectionOf } from "./address.ts";
import { NameRejected } from "./target.ts";

/** The time after which a look-up without permitted addresses fails. Most look-ups take less. */
const REJECTION_MS = 200;

/** All addresses of a host. */
export type Resolve = (hostname: string, answer: (error: Error | null, addresses: LookupAddress[]) => void) => void;

/**
 * A look-up for net.connect that returns only the permitted addresses, and fails if there are none. The caller must not
 * learn, by the error or by the time, whether the name does not exist or its addresses are rejected: both fail in the
 * same way after {@link REJECTION_MS}.
 */
export function guardedLookup(allowed: Allowed, resolve: Resolve): LookupFunction {
  return (hostname, _options, callback) => {
    const startedAt = performance.now();
    resolve(hostname, (error, addresses) => {
      const permitted =
        error === null ? addresses.filter(({ address }) => rejectionOf(address, allowed) === undefined) : [];
      if (permitted.length > 0) callback(null, permitted);
      else if (error !== null && !isOfName(error)) callback(error, []);
      else setTimeout(callback, REJECTION_MS - (performance.now() - startedAt), new NameRejected(hostname), []);
    });
  };
}

/**
 * Whether a look-up failed because of its name, and not because no server answered in time or it did not get its turn.
 */
function isOfName(error: Error): boolean {
  return !(error instanceof RetryAfterError) && codeOf(error) !== TIMEOUT;
}
