/**
 * Confines a process that works on untrusted data, to limit the damage if an attacker runs code in it. It runs as a
 * user that owns nothing (if this process is root's), has no network, cannot gain rights by a setuid program, and has a
 * limit on open files. The programs that confine it belong to util-linux, part of every Debian. The strictest
 * confinement that the machine or container allows is used.
 */

export interface Confinement {
  /**
   * The command before the program: each of these programs replaces itself with the next, so the process id stays the
   * same.
   */
  readonly prefix: readonly string[];
  /** The user of the process, if it differs from this process's user. */
  readonly uid?: number;
  /** Whether Node.js, instead of a program before it, changes to that user. */
  readonly isSpawnedAs?: boolean;
  /** The missing protections, for the log. */
  readonly lacks: readonly string[];
}

/**
 * No account has this id: the range from 65520 to 65533 is reserved (https://systemd.io/UIDS-GIDS). `nobody` may run
 * other services.
 */
const NOBODYS_UID = 65_533;

const OTHER_USER = "a separate user";
const NO_NETWORK = "an empty network";
const NO_NEW_RIGHTS = "no new privileges, and limits on its files";

const asNobody = [
  "setpriv",
  `--reuid=${NOBODYS_UID}`,
  `--regid=${NOBODYS_UID}`,
  "--clear-groups",
  "--bounding-set=-all",
  "--no-new-privs",
  "--",
];
const asItself = ["setpriv", "--no-new-privs", "--"];
// A core file would contain the image; one image needs about 25 open files.
const limits = ["prlimit", "--core=0", "--nofile=256", "--"];
const withoutNetwork = ["unshare", "--net", "--"];
/** An ordinary user needs a user namespace for this, from which no process outside is visible. */
const withoutNetworkAsUser = ["unshare", "--user", "--net", "--"];

interface Machine {
  readonly isRoot: boolean;
  readonly platform?: NodeJS.Platform;
}

/** The confinements, the strictest first; the last one always works. */
export function confinements({ isRoot, platform = process.platform }: Machine): readonly Confinement[] {
  const none: Confinement = { prefix: [], lacks: [OTHER_USER, NO_NETWORK, NO_NEW_RIGHTS] };
  const spawned: Confinement = { prefix: [], uid: NOBODYS_UID, isSpawnedAs: true, lacks: [NO_NETWORK, NO_NEW_RIGHTS] };
  if (platform !== "linux") return isRoot ? [spawned, none] : [none];
  if (!isRoot) {
    return [
      { prefix: [...withoutNetworkAsUser, ...asItself, ...limits], lacks: [OTHER_USER] },
      { prefix: [...asItself, ...limits], lacks: [OTHER_USER, NO_NETWORK] },
      none,
    ];
  }
  return [
    { prefix: [...withoutNetwork, ...asNobody, ...limits], uid: NOBODYS_UID, lacks: [] },
    { prefix: [...asNobody, ...limits], uid: NOBODYS_UID, lacks: [NO_NETWORK] },
    spawned,
    // other users cannot read the program, or the folder of sockets
    { prefix: [...withoutNetwork, ...asItself, ...limits], lacks: [OTHER_USER] },
    none,
  ];
}
