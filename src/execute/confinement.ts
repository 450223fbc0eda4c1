/**
 * How to start a process that works on untrusted data, so that a vulnerability in it that lets strangers run their own
 * code gives them little: it runs as a user that owns nothing (if this process is root's), has no network, cannot gain
 * rights by a setuid program, and has a limit on open files. The programs that do so belong to util-linux, part of
 * every Debian. Ways that a machine or a container does not allow are skipped, the strictest first.
 */

export interface Confinement {
  /**
   * Put before the program: each of these programs replaces itself with the next, so that the process stays the same.
   */
  readonly prefix: readonly string[];
  /** The user that the process runs as, if it is another one. */
  readonly uid?: number;
  /** Whether Node.js itself is to change to that user. */
  readonly isSpawnedAs?: boolean;
  /** The protections that this way lacks, for the log. */
  readonly lacks: readonly string[];
}

/**
 * No account has it: the range from 65520 to 65533 is kept free (https://systemd.io/UIDS-GIDS). `nobody` may run other
 * services.
 */
const NOBODYS_UID = 65_533;

const OTHER_USER = "a user of its own";
const NO_NETWORK = "a network without anything in it";
const NO_NEW_RIGHTS = "no gain of rights, and bounds on its files";

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
// A core file would hold an image; 256 is ten times what one image needs.
const limits = ["prlimit", "--core=0", "--nofile=256", "--"];
const withoutNetwork = ["unshare", "--net", "--"];
/** A user may do this only with a user namespace of its own, from which no process outside is visible. */
const withoutNetworkAsUser = ["unshare", "--user", "--net", "--"];

/** The ways, the strictest first; the last one always works. */
export function confinements(isRoot: boolean, platform: NodeJS.Platform = process.platform): readonly Confinement[] {
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
    // the program, or the folder of sockets, is not readable by others
    { prefix: [...withoutNetwork, ...asItself, ...limits], lacks: [OTHER_USER] },
    none,
  ];
}
