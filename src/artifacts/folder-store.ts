/**
 * Stores artifacts in a folder, which replicas may share: `<root>/<shard>/<job>/<attempt>/<name>`. A write goes to a
 * new file in `<root>/tmp`, is synced and then renamed into place, so that an artifact is complete or absent. Each
 * removal also deletes the files that crashed writers left in `tmp`. Folders and files that this module creates are
 * closed to other users; if the group may enter the folder (a web server's, for example), they are shared with the
 * group.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { isId } from "../core/id.ts";
import { CodedError, codeOf, StartError } from "../errors.ts";
import { contentTypeOf } from "./content-type.ts";
import { artifactError } from "./error-codes.ts";
import { removeOlderThan } from "./folder-retention.ts";
import { type ArtifactKey, isArtifactKey } from "./key.ts";
import type { ArtifactStore, StoredArtifact, WrittenArtifact } from "./store.ts";

/** ENOSPC and EDQUOT: the disk or a quota is full; EFBIG: the limit of `ulimit -f` or of the file system. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const ABSENT = new Set(["ENOENT", "ENOTDIR"]);

/**
 * Opens a folder of artifacts, and makes it if it is missing.
 * @throws {StartError} the folder cannot be made
 */
export async function openFolderStore(folder: string): Promise<ArtifactStore> {
  const root = await makeRoot(folder);
  const rights = await rightsIn(root);
  return {
    write: (key, source) => write(root, rights, key, source),
    find: (jobId, name) => find(root, jobId, name),
    open: (key) => openArtifact(root, key),
    removeJob: (jobId) => removeJob(root, jobId),
    removeOlderThan: (ageMs, signal) => removeOlderThan(root, ageMs, signal),
  };
}

async function makeRoot(folder: string): Promise<string> {
  try {
    await mkdir(join(folder, "tmp"), { recursive: true, mode: 0o700 });
    return await realpath(folder);
  } catch (thrown) {
    throw new StartError(`ARTIFACTS_DIR: the folder ${folder} cannot be made (${codeOf(thrown) ?? "unknown"})`, thrown);
  }
}

/** The modes of new files and folders. The umask decides if `folder` is undefined. */
interface Rights {
  readonly file: number;
  readonly folder?: number;
}

async function rightsIn(root: string): Promise<Rights> {
  const isShared = ((await stat(root)).mode & 0o070) !== 0;
  return isShared ? { file: 0o640 } : { file: 0o600, folder: 0o700 };
}

/** Three of the id's random digits: 4,096 shards hold ten million jobs with 2,500 entries each. */
function jobFolder(root: string, jobId: string): string {
  return join(root, jobId.slice(20, 23), jobId);
}

function attemptFolder(root: string, key: ArtifactKey): string {
  return join(jobFolder(root, key.jobId), String(key.attempt));
}

async function write(
  root: string,
  rights: Rights,
  key: ArtifactKey,
  source: Readable | Buffer,
): Promise<WrittenArtifact> {
  const temporary = join(root, "tmp", randomUUID());
  try {
    if (!isArtifactKey(key))
      throw new CodedError("artifact_key_invalid", 400, `not a valid artifact name: ${JSON.stringify(key)}`);
    const written = await writeNewFile(temporary, rights.file, source);
    await publish(temporary, attemptFolder(root, key), key.name, rights);
    return written;
  } catch (thrown) {
    await rm(temporary, { force: true });
    if (FULL.has(codeOf(thrown) ?? ""))
      throw artifactError.retryable("disk_full", "no space is left for artifacts", { cause: thrown });
    throw thrown;
  } finally {
    if (!Buffer.isBuffer(source)) source.destroy(); // it may not have been read to its end
  }
}

async function writeNewFile(path: string, mode: number, source: Readable | Buffer): Promise<WrittenArtifact> {
  const file = await open(path, "wx", mode);
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of Buffer.isBuffer(source) ? [source] : (source as AsyncIterable<Buffer>)) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk); // appends
    }
    await file.sync();
    return { bytes, sha256: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

/**
 * Renames a file into its folder. Between the creation of the folder and the rename, a removal may delete the empty
 * folder, so both steps are retried.
 */
async function publish(temporary: string, folder: string, name: string, rights: Rights): Promise<void> {
  for (let tries = 3; ; tries--) {
    let handle: FileHandle | undefined;
    try {
      await mkdir(folder, { recursive: true, ...(rights.folder !== undefined && { mode: rights.folder }) });
      if ((await realpath(folder)) !== folder)
        throw new CodedError("artifact_folder_linked", 500, `a symbolic link is in the path of ${folder}`);
      handle = await open(folder, "r");
      await rename(temporary, join(folder, name));
      await handle.sync(); // so that the name survives a power failure too
      return;
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT" || tries === 0) throw thrown;
    } finally {
      await handle?.close();
    }
  }
}

async function find(root: string, jobId: string, name: string): Promise<ArtifactKey | undefined> {
  if (!isArtifactKey({ jobId, attempt: 1, name })) return undefined;
  const folders = await unlessAbsent(readdir(jobFolder(root, jobId)));
  const attempts = (folders ?? [])
    .map(Number)
    .filter(Number.isSafeInteger)
    .sort((a, b) => b - a);
  for (const attempt of attempts) {
    const key = { jobId, attempt, name };
    if ((await openArtifact(root, key)) !== undefined) return key;
  }
  return undefined;
}

async function openArtifact(root: string, key: ArtifactKey): Promise<StoredArtifact | undefined> {
  if (!isArtifactKey(key)) return undefined;
  const path = join(attemptFolder(root, key), key.name);
  // the root is a real path, so a different result means that a link is below the root, which this module never creates
  if ((await unlessAbsent(realpath(path))) !== path) return undefined;
  const stats = await unlessAbsent(stat(path, { bigint: true }));
  if (stats?.isFile() !== true) return undefined;
  return {
    bytes: Number(stats.size),
    contentType: contentTypeOf(key.name),
    etag: `"${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}"`,
    modifiedAt: stats.mtime,
    read: (range) => createReadStream(path, { ...range, highWaterMark: 262_144 }),
  };
}

async function removeJob(root: string, jobId: string): Promise<void> {
  if (!isId(jobId)) return;
  const folder = jobFolder(root, jobId);
  const real = await unlessAbsent(realpath(folder));
  if (real === undefined) return;
  if (real !== folder)
    throw new CodedError("artifact_folder_linked", 500, `a symbolic link is in the path of ${folder}`);
  await rm(folder, { recursive: true, force: true }); // removes a link in it, not what the link points to
}

async function unlessAbsent<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (thrown) {
    if (ABSENT.has(codeOf(thrown) ?? "")) return undefined;
    throw thrown;
  }
}
