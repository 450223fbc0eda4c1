/** Creates data folders that only their owner may enter, because a machine may have other users. */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, StartError } from "../errors.ts";

export const OWNER_ONLY = 0o700;
/** The permissions of the group and of all other users. */
const OF_OTHERS = 0o077;
const WRITE_OF_OTHERS = 0o022;

/** The entries of a data folder. Dotfiles are ignored, because many kinds of folders have them. */
const OURS = /^(\..*|redis|postgres|mail|cache|artifacts|lock(\.\d+(\.stale)?)?|lost\+found)$/;

/**
 * Creates a data folder and its parents, checks that it is writable, and closes it to other users.
 * @throws StartError in one sentence that names the folder.
 */
export function makeDataDir(dataDir: string, service: string): void {
  checkAccess(dataDir, service);
  close(dataDir);
}

function checkAccess(dataDir: string, service: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: OWNER_ONLY });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(
      `The data folder of ${service}, ${dataDir}, cannot be created or written (${codeOf(error) ?? messageOf(error)}): set DATA_DIR to one that can.`,
      error,
    );
  }
}

/**
 * Creates the folder for all data. If other users may enter an existing folder, TaskFlow closes it to them; if the
 * folder has other files too (`/tmp`, a home folder), TaskFlow closes only its own folders in it.
 * @param warn called with a sentence about changed or unchanged permissions
 * @throws StartError if the folder belongs to another user, or if other users may write to a folder that stays open
 */
export function makeOwnDataDir(dataDir: string, warn: (message: string) => void): void {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) checkAccess(dataDir, "TaskFlow");
  const { uid, mode } = statSync(dataDir);
  const ownUid = process.getuid?.() ?? uid;
  if (uid !== ownUid) {
    throw new StartError(
      `The data folder ${dataDir} belongs to another user (uid ${uid}, this is uid ${ownUid}): start as that user, give the folder to this one (chown), or set another DATA_DIR.`,
    );
  }
  if ((mode & OF_OTHERS) !== 0) {
    if (readdirSync(dataDir).every((name) => OURS.test(name))) {
      close(dataDir);
      for (const entry of readdirSync(dataDir, { withFileTypes: true }))
        if (entry.isDirectory()) close(join(dataDir, entry.name));
      warn(
        `The data folder ${dataDir} was open to other users of the machine (mode ${(mode & 0o777).toString(8)}); TaskFlow has closed it to them (mode 700).`,
      );
    } else if ((mode & WRITE_OF_OTHERS) !== 0) {
      throw new StartError(
        `The data folder ${dataDir} has other files too, and other users may write to it: set DATA_DIR to a folder for TaskFlow alone.`,
      );
    } else {
      warn(
        `The data folder ${dataDir} has other files too, so its mode stays ${(mode & 0o777).toString(8)}; TaskFlow's folders in it are closed to other users.`,
      );
    }
  }
  checkAccess(dataDir, "TaskFlow");
}

/** Closes a folder and its files to other users, because earlier versions left them open. Skips links. */
export function closeAll(folder: string): void {
  close(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) closeAll(path);
    else if (entry.isFile()) close(path);
  }
}

/** Leaves files of other users unchanged. */
function close(path: string): void {
  const { mode, uid } = statSync(path);
  const ownUid = process.getuid?.();
  const mayChange = ownUid === 0 || ownUid === uid;
  if ((mode & OF_OTHERS) !== 0 && mayChange) chmodSync(path, mode & 0o7700);
}
