/** What the queue needs of its Redis server, looked at once at start. */
import { StartError } from "../errors.ts";
import type { Queue } from "./queue.ts";

const OLDEST_MAJOR = 7;

/**
 * @returns warnings: what the server does that may lose jobs, a sentence each
 * @throws StartError for a server that would lose jobs in normal running, or is too old
 */
export async function checkServer(queue: Pick<Queue, "setting" | "serverVersion">): Promise<string[]> {
  const version = await queue.serverVersion();
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new StartError(`Redis ${version} is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer.`);
  }
  const policy = await queue.setting("maxmemory-policy");
  if (policy !== undefined && policy !== "noeviction") {
    throw new StartError(`Redis would evict jobs when its memory is full (maxmemory-policy is ${policy}): set it to noeviction.`);
  }
  const warnings: string[] = [];
  if (policy === undefined) warnings.push("Redis does not tell its settings (CONFIG is refused): make sure that maxmemory-policy is noeviction and appendonly is yes");
  if ((await queue.setting("appendonly")) === "no") warnings.push("Redis keeps no append-only file: accepted jobs are lost when it restarts; set appendonly to yes");
  return warnings;
}
