/** What the queue needs of its Redis server, looked at once at start. */
import { messageOf, StartError } from "../errors.ts";
import type { Queue } from "./queue.ts";
import type { ServerInfo } from "./server-info.ts";

/**
 * How the keys in Redis are laid out. A release that changes it reads the layout before as well, and writes the new
 * one.
 * 1: none declared, before there was this number · 2: large payloads have keys of their own, claim numbers are base 36
 */
export const LAYOUT = 2;

/**
 * @param place the server, for messages
 * @returns warnings: what the server does that may lose jobs, a sentence each
 * @throws StartError for a server that would lose jobs in normal running, or is of another kind; what every connection
 * sees is not looked at again
 */
export async function checkServer(
  queue: Pick<Queue, "setting" | "serverInfo" | "declareLayout">,
  place: string,
): Promise<string[]> {
  const info = await queue.serverInfo();
  requireMaster(info, place);
  const layout = await declareLayout(queue, place);
  if (!/^\d+$/.test(layout) || Number(layout) > LAYOUT) {
    throw new StartError(
      `The jobs in Redis have layout ${layout}, and this version of TaskFlow reads up to ${LAYOUT}: start a version at least as new as the one that wrote them.`,
    );
  }
  const policy = (await queue.setting("maxmemory-policy")) ?? info.maxmemory_policy;
  if (policy !== undefined && policy !== "noeviction") {
    throw new StartError(
      `Redis would evict jobs when its memory is full (maxmemory-policy is ${policy}): set it to noeviction.`,
    );
  }
  const keepsFile = (await queue.setting("appendonly")) ?? info.aof_enabled;
  return [
    ...(policy === undefined
      ? [
          "Redis does not tell its settings (CONFIG is refused): make sure that maxmemory-policy is noeviction and appendonly is yes",
        ]
      : []),
    ...(keepsFile === "no" || keepsFile === "0"
      ? ["Redis keeps no append-only file: accepted jobs are lost when it restarts; set appendonly to yes"]
      : []),
    ...(info.cluster_enabled === "1"
      ? [
          `Redis at ${place} is a node of a cluster: TaskFlow uses this node alone, and stops taking jobs when another one takes over its keys`,
        ]
      : []),
    ...(info.dragonfly_version === undefined
      ? []
      : ["The server is Dragonfly: TaskFlow is made and tested for Redis and Valkey"]),
  ];
}

function requireMaster({ role, master_host: host = "", master_port: port = "" }: ServerInfo, place: string): void {
  if (role !== "slave") return;
  throw new StartError(
    `Redis at ${place} is a replica of ${host}:${port} and takes no jobs: set REDIS_ADDR to the master, or to Sentinels that know it.`,
  );
}

/** The first key that is written: a node of a cluster that does not have the namespace's keys refuses it. */
async function declareLayout(queue: Pick<Queue, "declareLayout">, place: string): Promise<string> {
  try {
    return await queue.declareLayout(String(LAYOUT));
  } catch (error) {
    const [, kind = "", node = ""] =
      /^(MOVED|ASK|CLUSTERDOWN)\b(?: \d+ (\S+))?/.exec(messageOf((error as Error).cause)) ?? [];
    if (kind === "") throw error;
    const reason = kind === "CLUSTERDOWN" ? "which is not complete" : `and the keys of REDIS_NAMESPACE are on ${node}`;
    throw new StartError(
      `Redis at ${place} is a node of a cluster, ${reason}: TaskFlow needs a Redis that is not a cluster, such as a master with replicas and Sentinels.`,
      error,
    );
  }
}
