/**
 * One namespace in Redis belongs to one database of Postgres: of two installations that share a namespace, each would run and record the other's jobs.
 * Redis remembers the id of the database whose replica came first. Replicas of another one do not start, and those that run, as Redis was emptied
 * meanwhile, drain and end.
 */
import { StartError } from "../errors.ts";
import type { Log } from "../observability/log.ts";
import { installationId } from "../postgres/installation.ts";
import type { Queue } from "../queue/queue.ts";

/** How long two installations may share a namespace that was emptied. */
const PERIOD_MS = 10_000;

export interface InstallationOptions {
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly queue: Pick<Queue, "declareInstallation">;
  readonly log: Pick<Log, "error">;
  /** Another installation has taken the namespace: this replica must not go on. */
  readonly onUnfit: () => void;
  readonly periodMs?: number;
}

/** @returns what ends the watch. @throws StartError where the namespace belongs to another database */
export async function watchInstallation({
  databaseUrl,
  namespace,
  queue,
  log,
  onUnfit,
  periodMs = PERIOD_MS,
}: InstallationOptions): Promise<() => void> {
  const own = await installationId(databaseUrl);
  const conflict =
    `The jobs in Redis under REDIS_NAMESPACE ${namespace} belong to another Postgres database than the one that DATABASE_URL names: set another REDIS_NAMESPACE or DATABASE_URL, ` +
    `or, where this database replaces the other, stop all replicas and run DEL {${namespace}}:installation in Redis.`;
  if ((await queue.declareInstallation(own)) !== own) throw new StartError(conflict);
  const look = async (): Promise<void> => {
    const owner = await queue.declareInstallation(own).catch(() => own); // Redis is away: the connection logs that
    if (owner === own) return;
    clearInterval(timer);
    log.error(conflict);
    onUnfit();
  };
  const timer = setInterval(() => {
    look().catch(() => undefined); // it catches what can fail
  }, periodMs);
  return () => clearInterval(timer);
}
