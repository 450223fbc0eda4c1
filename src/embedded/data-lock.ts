/** A data folder serves one program at a time: the lock file names the process that has it, and a dead one's is taken over. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, StartError } from "../errors.ts";
import { readMark, writeMark } from "./process-mark.ts";

// Each round meets another program that came or went in between; more than two are not to be expected.
const ROUNDS = 20;

/**
 * Takes a data folder for this process; the function that comes back gives it up again.
 * @throws StartError when a living process has it, this one included.
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
          `The data folder ${dataDir} is in use by process ${holder}: end that one first, or set another DATA_DIR.`,
        );
      removeStale(lock, `${own}.stale`);
    }
  } finally {
    rmSync(own);
  }
  throw new StartError(`The data folder ${dataDir} could not be locked: other programs keep taking it.`);
}

/** Puts the lock in place whole, unless there is one: link(2) does both in one step. */
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
    return undefined; // given up in the meantime
  }
}

/** Moves it aside before it goes: what was moved may be the lock of one who took over a moment before, and goes back then. */
function removeStale(lock: string, aside: string): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return; // another one removed it first
    throw error;
  }
  if (livingHolder(aside) !== undefined) linked(aside, lock);
  rmSync(aside);
}
