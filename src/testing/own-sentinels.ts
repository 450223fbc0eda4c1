/** Sentinels for one test, which monitor its Redis servers and promote a replica when the master fails. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "../embedded/free-port.ts";
import { findRedis } from "../embedded/redis-binary.ts";
import { redisCommand } from "../embedded/redis-command.ts";
import { ServerProcess } from "../embedded/server-process.ts";
import { redisCacheDir } from "./own-servers.ts";
import { makeTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** How long a master may be silent before the Sentinels consider it down. */
const DOWN_AFTER_MS = 500;
const MASTER_NAME = "main";

export interface OwnSentinels {
  /** `redis+sentinel://…` */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Starts Sentinels, and waits until they know each other and one replica of the master.
 * @param count their number; a majority decides
 */
export async function startOwnSentinels(masterPort: number, count: number): Promise<OwnSentinels> {
  const started = await Promise.all(
    Array.from({ length: count }, () => startSentinel(masterPort, Math.floor(count / 2) + 1)),
  );
  const sentinels = started.map(({ port }) => ({ port, client: new Redis(port) }));
  try {
    for (const { client } of sentinels) {
      await until(
        async () => new RegExp(`status=ok,.*slaves=1,sentinels=${count}`).test(await client.info("sentinel")),
        { what: "the Sentinels know each other and the replica", timeoutMs: 20_000 },
      );
    }
  } finally {
    for (const { client } of sentinels) client.disconnect();
  }
  return {
    address: `redis+sentinel://${started.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${MASTER_NAME}`,
    close: async () => {
      await Promise.all(started.map((sentinel) => sentinel.close()));
    },
  };
}

async function startSentinel(
  masterPort: number,
  quorum: number,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { command, env } = await findRedis(redisCacheDir);
  const dir = makeTempDir();
  const port = await freePort();
  const config = join(dir.path, "sentinel.conf"); // they write their state into it
  const rules = [
    `monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${quorum}`,
    `down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
    `failover-timeout ${MASTER_NAME} 3000`,
  ];
  writeFileSync(
    config,
    [`port ${port}`, "bind 127.0.0.1", `dir ${dir.path}`, ...rules.map((rule) => `sentinel ${rule}`), ""].join("\n"),
  );
  const server = await ServerProcess.start({
    name: "Sentinel",
    command,
    args: [config, "--sentinel"],
    dataDir: dir.path,
    env,
    stopSignal: "SIGTERM",
    stopWithinMs: 5_000,
    isReady: async () => (await redisCommand(port, "PING")) === "+PONG",
    readyWithinMs: 10_000,
  });
  return {
    port,
    close: async () => {
      await server.close();
      dir.remove();
    },
  };
}
