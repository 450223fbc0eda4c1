/**
 * The API keys of this replica, from the settings and from Postgres (`taskflow keys`), read again every few seconds.
 */
import { ApiKeyCache } from "../../api/access/api-key-cache.ts";
import { Periodic } from "../../concurrency/periodic.ts";
import type { Config } from "../../config/config.ts";
import { CORS_TO_ALL } from "../../config/config.ts";
import { StartError, UsageError } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import { unusable } from "../../observability/reason.ts";
import { ApiKeyStore } from "../../results/api-keys.ts";

/** A revoked key may be accepted for this long. */
const KEYS_PERIOD_MS = 3_000;

export interface KeysOptions {
  readonly config: Pick<Config, "TASKFLOW_API_KEYS" | "TASKFLOW_AUTH" | "CORS_ORIGINS">;
  readonly databaseUrl: string;
  readonly log: Pick<Log, "warn">;
  readonly periodMs?: number;
}

export interface Keys {
  readonly apiKeyCache: ApiKeyCache;
  close(): Promise<void>;
}

/**
 * While Postgres is away, the keys read last stay valid.
 * @throws StartError if Postgres is away at the start; UsageError if CORS_ORIGINS requires keys, and there are none
 */
export async function openKeys({ config, databaseUrl, log, periodMs = KEYS_PERIOD_MS }: KeysOptions): Promise<Keys> {
  const apiKeyCache = new ApiKeyCache();
  const store = new ApiKeyStore(databaseUrl);
  let seen: string | undefined;
  const read = async (): Promise<void> => {
    const stored = await store.list();
    const state = stored.map(({ hash, revokedAt }) => `${hash}${revokedAt === null ? "" : " revoked"}`).join();
    if (state === seen) return; // keeps the entries of the cache
    seen = state;
    const valid = stored.filter(({ revokedAt }) => revokedAt === null);
    const isNeeded = config.TASKFLOW_API_KEYS.length + stored.length > 0;
    apiKeyCache.replace([...config.TASKFLOW_API_KEYS, ...valid], { isNeeded });
  };
  try {
    await read();
    if (!apiKeyCache.isNeeded && config.CORS_ORIGINS.includes("*")) throw new UsageError(CORS_TO_ALL);
  } catch (error) {
    store.close();
    if (error instanceof StartError) throw error;
    throw new StartError(
      unusable({ name: "Postgres", at: new URL(databaseUrl).host, setting: "DATABASE_URL" }, error),
      error,
    );
  }
  if (config.TASKFLOW_AUTH === "none" && apiKeyCache.isNeeded)
    log.warn("TASKFLOW_AUTH=none serves everyone, although API keys exist");
  const reads = new Periodic({
    task: read,
    periodMs,
    onError: (error) => log.warn({ error }, "could not read the API keys; the ones read last stay valid"),
  });
  reads.start();
  return {
    apiKeyCache,
    close: async () => {
      const closing = reads.close();
      store.close(); // cuts off a read in progress
      await closing;
    },
  };
}
