/** Checks the Redis server once, at start. */
import { messageOf, StartError } from "../errors.ts";
import type { Queue } from "./queue.ts";
import type { ServerInfo } from "./server-info.ts";

/**
 * The version of the key layout in Redis. A release that changes it also reads the previous layout, and writes the new
 * one.
 * 1: the layout before this number existed · 2: large payloads have separate keys, claim numbers are base 36
 */
export const LAYOUT = 2;

/**
 * Checks what {@link requireFit} does not check on every connection.
 * @param address the server's address, for messages
 * @returns warnings, a sentence each: settings with which the server may lose jobs
 * @throws StartError if the server would lose jobs in normal operation, or is of an unsupported kind
 */
export async function checkServer(queue: Pick<Queue, "installation">, address: string): Promise<string[]> {
  const info = await queue.installation.serverInfo();
  requireMaster(info, address);
  const layout = await declareLayout(queue, address);
  if (!/^\d+$/.test(layout) || Number(layout) > LAYOUT) {
    throw new StartError(
      `The jobs in Redis have layout ${layout}, and this version of TaskFlow reads up to ${LAYOUT}: start a version at least as new as the one that wrote them.`,
    );
  }
  const policy = (await queue.installation.setting("maxmemory-policy")) ?? info.maxmemory_policy;
  if (policy !== undefined && policy !== "noeviction") {
    throw new StartError(
      `Redis would evict jobs when its memory is full (maxmemory-policy is ${policy}): set it to noeviction.`,
    );
  }
  const keepsFile = (await queue.installation.setting("appendonly")) ?? info.aof_enabled;
  return [
    ...(policy === undefined
      ? [
          "The settings of Redis cannot be checked (CONFIG is denied): make sure that maxmemory-policy is noeviction and appendonly is yes",
        ]
      : []),
    ...(keepsFile === "no" || keepsFile === "0"
      ? ["Redis keeps no append-only file: accepted jobs are lost when it restarts; set appendonly to yes"]
      : []),
    ...(info.cluster_enabled === "1"
      ? [
          `Redis at ${address} is a node of a cluster: TaskFlow uses only this node, and accepts no jobs once another node takes over its keys`,
        ]
      : []),
    ...(info.dragonfly_version === undefined
      ? []
      : ["The server is Dragonfly: TaskFlow is tested only with Redis and Valkey"]),
  ];
}

function requireMaster({ role, master_host: host = "", master_port: port = "" }: ServerInfo, address: string): void {
  if (role !== "slave") return;
  throw new StartError(
    `Redis at ${address} is a replica of ${host}:${port} and cannot accept jobs: set REDIS_ADDR to the master, or to its Sentinels.`,
  );
}

/** Writes the first key: a node of a cluster that does not own the namespace's keys rejects it. */
async function declareLayout(queue: Pick<Queue, "installation">, address: string): Promise<string> {
  try {
    return await queue.installation.declareLayout(String(LAYOUT));
  } catch (error) {
    const [, kind = "", node = ""] =
      /^(MOVED|ASK|CLUSTERDOWN)\b(?: \d+ (\S+))?/.exec(messageOf((error as Error).cause)) ?? [];
    if (kind === "") throw error;
    const reason = kind === "CLUSTERDOWN" ? "which is incomplete" : `and the keys of REDIS_NAMESPACE are on ${node}`;
    throw new StartError(
      `Redis at ${address} is a node of a cluster, ${reason}: use a Redis that is not a cluster, such as a master with replicas and Sentinels.`,
      error,
    );
  }
}
