/** An append-only file loses its end, as in a power failure: Redis restarts with slightly older data. */
import { readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { between } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const LEAST_CUT_BYTES = 2_000;
const MOST_CUT_BYTES = 60_000;
/** The restore reads ids that are a minute old, and a lease may follow. */
const RESTORED_WITHIN_MS = 120_000;

export const tornAof: Scenario = {
  name: "torn-aof",
  fault: "kill -9 redis-server, cut the end off its append-only file, under ACCEPT_DURABILITY=postgres",
  seconds: { full: 15, fast: 0 },
  env: () => ({ ACCEPT_DURABILITY: "postgres", LEASE_MS: "5000" }),
  // Redis repeats attempts that it lost. Its counters count jobs that were recorded and forgotten twice or not at all.
  jobCounts: { redisWasEmptied: true, effectsMayRepeat: true },
  run: async (stage) => {
    const { services, redis } = stage.cluster;
    await stage.load(150);
    const dir = join(await redis.dir(), "appendonlydir");
    await redis.send("CONFIG", "SET", "aof-load-truncated", "yes");
    const rounds = Math.max(1, Math.round(stage.seconds / 5));
    for (let round = 0; round < rounds; round += 1) {
      await services.redis.kill();
      stage.notes.push(`${tear(stage, dir)} bytes cut off`);
      await services.redis.restart();
      // If a script's writes are cut off within a command, Redis drops them at the start but leaves the complete
      // commands in its file, and applies them with the first later write at the next start (Valkey's pull request
      // 4342). A new file has no such commands.
      await redis.rewriteAppendOnlyFile();
      await stage.measureRecovery();
    }
    await stage.stopLoad();
    await stage.acceptedAreRecorded(performance.now(), RESTORED_WITHIN_MS);
    return undefined;
  },
};

/** Cuts the end off the newest increment, which the manifest's last line names. @returns the number of bytes */
function tear({ random }: Stage, dir: string): number {
  const manifest = readFileSync(join(dir, "appendonly.aof.manifest"), "utf8");
  const name = /file (\S+) seq \d+ type i\s*$/.exec(manifest)?.[1];
  if (name === undefined) throw new Error(`the manifest of the append-only file names no increment: ${manifest}`);
  const { size } = statSync(join(dir, name));
  const cut = Math.min(size, between(random, LEAST_CUT_BYTES, MOST_CUT_BYTES));
  truncateSync(join(dir, name), size - cut);
  return cut;
}
