/** The guard: which of a host's addresses a connection may be made to. */
import { type LookupAddress, TIMEOUT } from "node:dns";
import type { LookupFunction } from "node:net";
import { RetryAfterError } from "../core/job-type.ts";
import { codeOf } from "../errors.ts";
import { type Allowed, rejectionOf } from "./address.ts";
import { NameRejected } from "./target.ts";

/** When a look-up fails that leads nowhere: a usual one takes less. */
const REJECTION_MS = 200;

/** All addresses of a host. */
export type Resolve = (hostname: string, answer: (error: Error | null, addresses: LookupAddress[]) => void) => void;

/**
 * A look-up for net.connect that answers with the permitted addresses only, and fails when there are none. The caller must not learn which
 * of both it is, that a name does not exist or that its addresses are refused, and so not by the time either: it fails after
 * {@link REFUSAL_MS}, in which most names are looked up. The cause is for the log of this side.
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

/** Whether a look-up failed because of its name: not because no server answered in time, or it never had its turn. */
function isOfName(error: Error): boolean {
  return !(error instanceof RetryAfterError) && codeOf(error) !== TIMEOUT;
}
