/** `GET /api/v1/destinations`, and the reset of one: the hosts that jobs send requests to. */
import { at } from "../../core/at.ts";
import { formatTime } from "../../core/rfc3339.ts";
import type { DestinationState } from "../../queue/destination-list.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { rejectionOfBody } from "../http/empty-body.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problem } from "../http/problem.ts";
import { callerOf } from "./audit-caller.ts";

/** In bytes: the longest host of the list is shorter, and a Redis key must not have the length of a URL. */
const MAX_HOST_LENGTH = 300;
const NOT_FOUND = problem(
  404,
  "destination_not_found",
  "No request was sent to this host lately: use a host from GET /api/v1/destinations, percent-encoded.",
);

export function getDestinations({ queue }: Pick<ApiDependencies, "queue">): () => Promise<Answer> {
  return async () =>
    json(200, JSON.stringify({ destinations: (await queue.destinationList.all()).map(destinationJson) }));
}

function destinationJson(state: DestinationState): unknown {
  return {
    host: state.host,
    state: state.state,
    in_flight: state.inFlight,
    limit: state.limit,
    consecutive_failures: state.consecutiveFailures,
    suspended_until: state.suspendedUntil === null ? null : formatTime(state.suspendedUntil),
    last_used: formatTime(state.lastUsed),
    routes: state.routes,
    waiting: state.waiting,
  };
}

/** Ends the suspension of a host and of its paths. Repeating it changes nothing more. */
export function resetDestination({
  queue,
  audit,
}: Pick<ApiDependencies, "queue" | "audit">): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const rejection = rejectionOfBody(request);
    if (rejection) return rejection;
    const host = decoded(at(request.params, 0));
    const caller = callerOf(request);
    const state = host === undefined ? undefined : await queue.destinationList.reset(host);
    if (host === undefined || !state) return NOT_FOUND;
    audit.record({ ...caller, action: "destinations.reset", target: host });
    return json(200, JSON.stringify(destinationJson(state)));
  };
}

/** @returns undefined if it is not a host that can be in the list */
function decoded(parameter: string): string | undefined {
  if (parameter.length > 3 * MAX_HOST_LENGTH) return undefined;
  try {
    const host = decodeURIComponent(parameter);
    return host.length > MAX_HOST_LENGTH ? undefined : host;
  } catch {
    return undefined; // a percent sign without two digits, or bytes that are not UTF-8
  }
}
