/** Starts the services that are not configured, in one data folder. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { makeOwnDataDir } from "./data-dir.ts";
import { lockDataDir } from "./data-lock.ts";
import { type MailCatcher, startMailCatcher } from "./mail-catcher.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

export interface EmbeddedOptions {
  /** Only one program may use the folder at a time. */
  readonly dataDir: string;
  /** Called with a sentence for each warning to the operator. */
  readonly warn?: (message: string) => void;
  readonly needs: { readonly redis: boolean; readonly postgres: boolean; readonly mail: boolean };
}

export interface EmbeddedServices {
  /** Contains a password, like {@link databaseUrl}. */
  readonly redisAddr?: string;
  readonly databaseUrl?: string;
  readonly smtpUrl?: string;
  readonly mail?: MailCatcher;
  /** The address without a password and the data folder of each started service, for the log. */
  readonly started: readonly { readonly name: string; readonly address: string; readonly data: string }[];
  /** Stops the started services and keeps their data. */
  close(): Promise<void>;
}

/** Whether all needed services have data of an earlier start. */
export function haveRunBefore({ dataDir, needs }: Pick<EmbeddedOptions, "dataDir" | "needs">): boolean {
  return Object.entries(needs).every(([name, isNeeded]) => !isNeeded || existsSync(join(dataDir, name)));
}

/**
 * Starts the needed services concurrently. Their data survives a restart. @throws StartError in one sentence, after
 * stopping those that had started
 */
export async function startEmbedded({
  dataDir,
  needs,
  warn = () => undefined,
}: EmbeddedOptions): Promise<EmbeddedServices> {
  if (!needs.redis && !needs.postgres && !needs.mail) return { started: [], close: () => Promise.resolve() };
  makeOwnDataDir(dataDir, warn);
  const dir = realpathSync(dataDir);
  const unlock = lockDataDir(dir);
  const starts = [
    needs.redis ? redisPart(join(dir, "redis"), join(dir, "cache")) : [],
    needs.postgres ? postgresPart(join(dir, "postgres")) : [],
    needs.mail ? mailPart(join(dir, "mail")) : [],
  ].flat();
  const results = await Promise.allSettled(starts);
  const parts = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.close()));
    unlock();
  };
  const failed = results.find((result) => result.status === "rejected");
  if (failed) {
    await stop();
    throw failed.reason;
  }
  let closing: Promise<void> | undefined;
  const found = parts.reduce<Found>((all, part) => ({ ...all, ...part.found }), {});
  return {
    ...found,
    started: parts.map(({ name, address, data }) => ({ name, address, data })),
    close: () => (closing ??= stop()),
  };
}

type Found = Pick<EmbeddedServices, "redisAddr" | "databaseUrl" | "smtpUrl" | "mail">;

interface Part {
  readonly name: string;
  readonly address: string;
  readonly data: string;
  readonly found: Found;
  close(): Promise<void>;
}

async function redisPart(data: string, cacheDir: string): Promise<Part> {
  const redis = await startRedis({ dataDir: data, cacheDir, hasPassword: true });
  return {
    name: "Redis",
    address: `127.0.0.1:${redis.port}`,
    data,
    found: { redisAddr: redis.address },
    close: () => redis.close(),
  };
}

async function postgresPart(data: string): Promise<Part> {
  const postgres = await startPostgres({ dataDir: data });
  return {
    name: "Postgres",
    address: `127.0.0.1:${postgres.port}`,
    data,
    found: { databaseUrl: postgres.url },
    close: () => postgres.close(),
  };
}

async function mailPart(data: string): Promise<Part> {
  const mail = await startMailCatcher({ dataDir: data });
  return {
    name: "mail catcher",
    address: mail.url,
    data,
    found: { smtpUrl: mail.url, mail },
    close: () => mail.close(),
  };
}
