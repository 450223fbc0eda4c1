/**
 * Ensures that only one program uses a data folder. The lock file names the program's process; a program takes over the
 * lock of a dead process.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, StartError } from "../errors.ts";
import { readIdentity, writeIdentity } from "./process-identity.ts";

// Another round is needed only if another program locks or unlocks at the same time; two rounds are usually enough.
const ROUNDS = 20;

/**
 * Locks a data folder for this process.
 * @returns a function that unlocks it
 * @throws StartError if a running process has the lock, including this process
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = join(dataDir, "lock");
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, writeIdentity(process.pid), { mode: 0o600 });
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      if (linked(own, lock)) return () => rmSync(lock, { force: true });
      const holder = livingHolder(lock);
      if (holder !== undefined)
        throw new StartError(
          `The data folder ${dataDir} is in use by process ${holder}: stop that one first, or set another DATA_DIR.`,
        );
      removeStale(lock, `${own}.stale`);
    }
  } finally {
    rmSync(own);
  }
  throw new StartError(`The data folder ${dataDir} could not be locked: other programs keep taking it.`);
}

/** Creates the lock file with its content unless it exists: link(2) does both atomically. */
function linked(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function livingHolder(lock: string): number | undefined {
  try {
    const holder = readIdentity(readFileSync(lock, "utf8"));
    return holder?.lives ? holder.pid : undefined;
  } catch {
    return undefined; // the other process unlocked the folder in the meantime
  }
}

/** Renames the lock before removing it, and restores it if another process has just taken it over. */
function removeStale(lock: string, aside: string): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return; // another process has removed it
    throw error;
  }
  if (livingHolder(aside) !== undefined) linked(aside, lock);
  rmSync(aside);
}
