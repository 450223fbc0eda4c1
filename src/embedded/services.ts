/** The services that a program starts for itself, on a machine that has none of its own, under one data folder. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { makeOwnDataDir } from "./data-dir.ts";
import { lockDataDir } from "./data-lock.ts";
import { type MailCatcher, startMailCatcher } from "./mail-catcher.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

export interface EmbeddedOptions {
  /** One program at a time may use it. */
  readonly dataDir: string;
  /** Is given a line on each thing that the operator should know. */
  readonly warn?: (message: string) => void;
  readonly needs: { readonly redis: boolean; readonly postgres: boolean; readonly mail: boolean };
}

export interface EmbeddedServices {
  /** Holds a password, as does {@link databaseUrl}. */
  readonly redisAddr?: string;
  readonly databaseUrl?: string;
  readonly smtpUrl?: string;
  readonly mail?: MailCatcher;
  /** What was started, for the log: where it listens, without a password, and the folder of its data. */
  readonly started: readonly { readonly name: string; readonly where: string; readonly data: string }[];
  /** Stops what was started; the data stays. */
  close(): Promise<void>;
}

/**
 * Starts the services that are needed, at once, on data that outlives them.
 * @throws StartError in one sentence, after stopping what had started.
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
    started: parts.map(({ name, where, data }) => ({ name, where, data })),
    close: () => (closing ??= stop()),
  };
}

type Found = Pick<EmbeddedServices, "redisAddr" | "databaseUrl" | "smtpUrl" | "mail">;

interface Part {
  readonly name: string;
  readonly where: string;
  readonly data: string;
  readonly found: Found;
  close(): Promise<void>;
}

async function redisPart(data: string, cacheDir: string): Promise<Part> {
  const redis = await startRedis({ dataDir: data, cacheDir, hasPassword: true });
  return {
    name: "Redis",
    where: `127.0.0.1:${redis.port}`,
    data,
    found: { redisAddr: redis.address },
    close: () => redis.close(),
  };
}

async function postgresPart(data: string): Promise<Part> {
  const postgres = await startPostgres({ dataDir: data });
  return {
    name: "Postgres",
    where: `127.0.0.1:${postgres.port}`,
    data,
    found: { databaseUrl: postgres.url },
    close: () => postgres.close(),
  };
}

async function mailPart(data: string): Promise<Part> {
  const mail = await startMailCatcher({ dataDir: data });
  return { name: "mail catcher", where: mail.url, data, found: { smtpUrl: mail.url, mail }, close: () => mail.close() };
}
