/**
 * One program at a time uses a data folder: the lock file names its process. The lock of a dead process is taken over.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, StartError } from "../errors.ts";
import { readMark, writeMark } from "./process-mark.ts";

// A further round is needed only where another program came or went meanwhile; more than two are not expected.
const ROUNDS = 20;

/**
 * Locks a data folder for this process.
 * @returns a function that unlocks it
 * @throws StartError when a living process has it, including this one.
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = join(dataDir, "lock");
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, writeMark(process.pid), { mode: 0o600 });
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

/** Creates the complete lock file, unless there is one: link(2) does both in one step. */
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
    const holder = readMark(readFileSync(lock, "utf8"));
    return holder?.lives ? holder.pid : undefined;
  } catch {
    return undefined; // unlocked meanwhile
  }
}

/** Renames the lock before removing it: if another process has just taken it over, it is put back. */
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
