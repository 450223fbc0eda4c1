/** `GET /api/v1/errors`: the errors of failed jobs, grouped by type, code and signature. */
import { formatTime } from "../../core/rfc3339.ts";
import { MAX_ERROR_GROUPS } from "../contract/history-operations.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer, ApiRequest } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";
import { problemOfRejection } from "../http/problem.ts";
import { readErrorsQuery } from "./history-query.ts";

export function getErrors({ queue, store }: ApiDependencies): (request: ApiRequest) => Promise<Answer> {
  return async (request) => {
    const now = queue.clock.now();
    const query = readErrorsQuery(request.query, now);
    if ("rejection" in query) return problemOfRejection(query.rejection);
    const groups = await store.history.errors(query, MAX_ERROR_GROUPS + 1, now);
    const errors = groups.slice(0, MAX_ERROR_GROUPS).map(({ first_seen, last_seen, hourly, examples, ...group }) => ({
      ...group,
      first_seen: formatTime(first_seen),
      last_seen: formatTime(last_seen),
      hourly,
      examples,
    }));
    const since = await store.history.versionSince();
    const version_since = since === null ? null : formatTime(since);
    return json(200, JSON.stringify({ errors, truncated: groups.length > MAX_ERROR_GROUPS, version_since }));
  };
}
