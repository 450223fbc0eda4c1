/** What the queue needs of its Redis server, looked at once at start. */
import { StartError } from "../errors.ts";
import type { Queue } from "./queue.ts";

const OLDEST_MAJOR = 7;
/**
 * How the keys in Redis are laid out. A release that changes it reads the layout before as well, and writes the new one.
 * 1: none declared, before there was this number · 2: large payloads have keys of their own, claim numbers are base 36
 */
export const LAYOUT = 2;

/**
 * @returns warnings: what the server does that may lose jobs, a sentence each
 * @throws StartError for a server that would lose jobs in normal running, or is too old
 */
export async function checkServer(queue: Pick<Queue, "setting" | "serverVersion" | "declareLayout">): Promise<string[]> {
  const version = await queue.serverVersion();
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new StartError(`Redis ${version} is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer.`);
  }
  const layout = await queue.declareLayout(String(LAYOUT));
  if (!/^\d+$/.test(layout) || Number(layout) > LAYOUT) {
    throw new StartError(`The jobs in Redis have layout ${layout}, and this version of TaskFlow reads up to ${LAYOUT}: start a version at least as new as the one that wrote them.`);
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
