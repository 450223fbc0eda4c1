import { randomUUID } from "node:crypto";
import { lstat, open, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { DAY_MS } from "../core/time.ts";
import { codeOf } from "../errors.ts";
import { agreedTime } from "../postgres/agreed-time.ts";

/** The age of an abandoned file in `tmp`: every running attempt writes at least once a day. */
const ABANDONED_MS = DAY_MS;

/** An empty folder that is younger than this may have been created for a file that is about to be renamed into it. */
const FRESH_FOLDER_MS = 60_000;

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Errors that mean that another replica was faster, or that a writer uses the folder again. */
const OVERTAKEN = new Set(["ENOENT", "ENOTEMPTY", "EEXIST"]);

/**
 * Removes the artifacts below `root` that were written longer ago than `ageMs`, the folders that become empty, and
 * abandoned temporary files. Several replicas may do so at the same time. Ages are measured by the file system's clock,
 * which set the files' times.
 * @returns the number of artifacts that this call removed
 * @throws ClocksDiffer if this machine's clock does not agree
 */
export async function removeOlderThan(root: string, ageMs: number, signal?: AbortSignal): Promise<number> {
  const nowMs = agreedTime("the file system of ARTIFACTS_DIR", await fileSystemTime(root), Date.now());
  const freshMs = nowMs - FRESH_FOLDER_MS;
  await removeFiles(join(root, "tmp"), nowMs - ABANDONED_MS);
  let removed = 0;
  for (const shard of await foldersOf(root)) {
    if (shard === join(root, "tmp")) continue;
    for (const job of await foldersOf(shard)) {
      signal?.throwIfAborted();
      const isJobFresh = await isChangedSince(job, freshMs); // read before its entries are removed, which changes it
      for (const attempt of await foldersOf(job)) {
        const isAttemptFresh = await isChangedSince(attempt, freshMs);
        removed += await removeFiles(attempt, nowMs - ageMs);
        if (!isAttemptFresh) await unlessOvertaken(rmdir(attempt));
      }
      if (!isJobFresh) await unlessOvertaken(rmdir(job));
    }
  }
  return removed;
}

/** The file system's current time, read from a new file. On a shared file system, the server sets it. */
async function fileSystemTime(root: string): Promise<number> {
  const path = join(root, "tmp", randomUUID());
  try {
    const file = await open(path, "wx");
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
      await unlessOvertaken(unlink(path));
    }
  } catch (thrown) {
    if (FULL.has(codeOf(thrown) ?? "")) return Date.now(); // no file can be made, and removing artifacts frees space
    throw thrown;
  }
}

async function foldersOf(folder: string): Promise<string[]> {
  const entries = (await unlessOvertaken(readdir(folder, { withFileTypes: true }))) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

async function removeFiles(folder: string, beforeMs: number): Promise<number> {
  let removed = 0;
  for (const name of (await unlessOvertaken(readdir(folder))) ?? []) {
    const path = join(folder, name);
    if (await isChangedSince(path, beforeMs)) continue;
    if ((await unlessOvertaken(unlink(path).then(() => true))) === true) removed++;
  }
  return removed;
}

async function isChangedSince(path: string, sinceMs: number): Promise<boolean> {
  return ((await unlessOvertaken(lstat(path)))?.mtimeMs ?? 0) >= sinceMs;
}

/** Ignores errors of folders that are not empty and of files that are already gone. */
async function unlessOvertaken<T>(step: Promise<T>): Promise<T | undefined> {
  try {
    return await step;
  } catch (thrown) {
    if (OVERTAKEN.has(codeOf(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
