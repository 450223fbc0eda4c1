/** The lease guard of a replica that runs jobs, connected to the parts that know which jobs run. */
import { fileURLToPath } from "node:url";
import type { Config } from "../config/config.ts";
import { isBulkType } from "../core/bulk.ts";
import type { AnyJobDefinition } from "../core/job-type.ts";
import type { Executor } from "../execute/executor.ts";
import type { Registry } from "../jobs/registry.ts";
import { BUILT_IN } from "../jobs/registry.ts";
import type { Log } from "../observability/log.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Beat } from "../worker/beat.ts";
import { findBlocker } from "../worker/blocker.ts";
import { LeaseGuard } from "../worker/lease-guard.ts";
import type { Leases } from "../worker/leases.ts";
import type { Slots } from "../worker/slots.ts";
import { warning } from "./warning.ts";

export interface GuardParts {
  readonly config: Config;
  readonly redis: { readonly url: string };
  readonly replica: string;
  readonly registry: Registry;
  readonly definitions: readonly AnyJobDefinition[];
  readonly log: Log;
  readonly metrics: Pick<Metrics, "countBlock">;
  readonly beat: Beat;
  readonly leases: Pick<Leases, "jobs">;
  readonly executor: Pick<Executor, "starting">;
  readonly slots: Slots;
}

/** @returns the guard, not yet started; undefined on a replica that runs no jobs */
export function makeGuard({
  config,
  redis,
  replica,
  registry,
  definitions,
  log,
  metrics,
  beat,
  leases,
  executor,
  slots,
}: GuardParts): LeaseGuard | undefined {
  if (definitions.length === 0) return undefined;
  const onMainThread = new Set(definitions.filter(({ lane }) => lane === "io").map(({ type }) => type));
  const sources = {
    starting: () => executor.starting,
    jobs: () => leases.jobs.filter(({ type }) => onMainThread.has(type)),
    running: () =>
      Object.fromEntries(
        Object.entries(slots.use().types).flatMap(([type, { running }]) =>
          running > 0 && onMainThread.has(type) ? [[type, running]] : [],
        ),
      ),
    typeOfFile: typesByFile(registry),
  };
  return new LeaseGuard({
    url: redis.url,
    namespace: config.REDIS_NAMESPACE,
    replica,
    leaseMs: config.LEASE_MS,
    logLevel: config.LOG_LEVEL,
    beat,
    findBlocker: (above) => findBlocker(sources, above),
    onBlocked: metrics.countBlock,
    onError: warning(log, "the thread that guards the leases died; starting it again"),
  });
}

/** The files that define job types, each with its type. Bulk operations share a file, which names none of them. */
export function typesByFile(registry: Registry): ReadonlyMap<string, string> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  const builtIn = (type: string): string => {
    const name = type.replaceAll("_", "-");
    return fileURLToPath(new URL(`../jobs/${name}/${name}${extension}`, import.meta.url));
  };
  const types = registry.types.filter(({ type }) => !isBulkType(type));
  return new Map(types.map(({ type, source }) => [source === BUILT_IN ? builtIn(type) : source, type]));
}
