/**
 * One namespace in Redis belongs to one Postgres database: two installations that share a namespace would run and
 * record each other's jobs. Redis stores the id of the database whose replica came first. Replicas with another
 * database do not start; those that already run, because Redis was emptied meanwhile, drain and exit.
 */
import { Periodic } from "../concurrency/periodic.ts";
import { StartError } from "../errors.ts";
import type { Log } from "../observability/log.ts";
import { installationId } from "../postgres/installation.ts";
import type { Queue } from "../queue/queue.ts";

/** How long two installations may share a namespace after it was emptied. */
const PERIOD_MS = 10_000;

const NOT_CHECKED = "could not check which Postgres database owns REDIS_NAMESPACE";

export interface InstallationOptions {
  readonly databaseUrl: string;
  readonly namespace: string;
  readonly queue: Pick<Queue, "installation">;
  readonly log: Pick<Log, "error">;
  /** Another installation has taken the namespace: this replica must not go on. */
  readonly onUnfit: () => void;
  readonly periodMs?: number;
}

/** @returns a function that ends the watch. @throws StartError if the namespace belongs to another database */
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
    `or, if this database replaces the other, stop all replicas and run DEL {${namespace}}:installation in Redis.`;
  if ((await queue.installation.declareInstallation(own)) !== own) throw new StartError(conflict);
  const check = async (): Promise<void> => {
    // while Redis is away, the connection logs that
    const owner = await queue.installation.declareInstallation(own).catch(() => own);
    if (owner === own) return;
    checks.stop();
    log.error(conflict);
    onUnfit();
  };
  const checks = new Periodic({ task: check, periodMs, onError: (error) => log.error({ error }, NOT_CHECKED) });
  checks.start();
  return () => checks.stop();
}
