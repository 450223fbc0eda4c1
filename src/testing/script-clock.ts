/**
 * A clock that a test sets, for all scripts of its process: they add the value of a key to Redis's time. The expiry of
 * keys still follows Redis's own clock.
 */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { scripts } from "../queue/scripts.ts";

const READ = "local time = redis.call('TIME')\n";
const AHEAD = "test-ahead";

/**
 * Call it once in a test file, before any queue is opened.
 * @returns a function that sets the clock this many ms ahead of Redis's own, or behind it
 */
export function settableClock(namespace = "taskflow:0"): (redis: Redis, aheadMs: number) => Promise<unknown> {
  for (const script of Object.values(scripts) as { source: string; sha: string }[]) {
    if (!script.source.includes(READ)) continue;
    script.source = script.source.replace(
      READ,
      `${READ}time[1] = time[1] + (tonumber(redis.call('GET', KEYS[1] .. '${AHEAD}') or 0)) / 1000\n`,
    );
    script.sha = createHash("sha1").update(script.source).digest("hex");
  }
  return (redis, aheadMs) => redis.set(`{${namespace}}:${AHEAD}`, aheadMs);
}
