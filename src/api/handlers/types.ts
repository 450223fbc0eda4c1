/** `GET /api/v1/types`: the job types of this replica, and those that other live replicas report. */
import type { SharedRead } from "../../concurrency/shared-read.ts";
import { readReports } from "../../core/heartbeat.ts";
import type { JobType } from "../../jobs/registry.ts";
import { BUILT_IN } from "../../jobs/registry.ts";
import type { JobCounts } from "../../queue/counts.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Answer } from "../http/exchange.ts";
import { json } from "../http/exchange.ts";

/** What a replica knows of a type that it does not have. */
const UNKNOWN = {
  lane: null,
  max_attempts: null,
  timeout_ms: null,
  backoff: null,
  description: null,
  is_built_in: null,
  payload_schema: null,
  examples: [],
};

export function getTypes(
  { registry }: Pick<ApiDependencies, "registry">,
  jobCounts: Pick<SharedRead<JobCounts>, "fresh">,
): () => Promise<Answer> {
  return async () => {
    const runners = new Map<string, string[]>(registry.types.map(({ type }) => [type, []]));
    for (const { id, slots } of readReports((await jobCounts.fresh()).replicas)) {
      for (const type of Object.keys(slots)) runners.set(type, [...(runners.get(type) ?? []), id]);
    }
    const types = [...runners].map(([type, replicas]) => {
      const known = registry.get(type);
      return { type, ...(known ? factsOf(known) : UNKNOWN), replicas };
    });
    return json(200, JSON.stringify({ types }));
  };
}

function factsOf({ source, definition }: JobType): Record<keyof typeof UNKNOWN, unknown> {
  const { lane, attempts, timeoutMs, backoff, description } = definition;
  const payload: unknown = definition.payload;
  const { examples = [] } = payload as { readonly examples?: readonly unknown[] };
  const { kind, base_ms, max_ms } = backoff;
  return {
    lane,
    max_attempts: attempts,
    timeout_ms: timeoutMs,
    backoff: { kind, base_ms, max_ms },
    description: description ?? null,
    is_built_in: source === BUILT_IN,
    payload_schema: payload,
    examples,
  };
}
