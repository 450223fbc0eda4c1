/**
 * How a process is begun that works on what strangers sent, so that a fault in it which lets them run their own code gives them little: it runs as a user
 * that nothing belongs to (where this process is root's), sees no network, cannot gain rights by a setuid program, and has its open files bounded. The
 * programs that do so are util-linux's, part of every Debian. What a machine, or a container, does not allow is left out, the strictest way first.
 */

export interface Confinement {
  /** What stands before the program: each of these programs replaces itself with the next, so that the process stays the same one. */
  readonly prefix: readonly string[];
  /** Whom the process runs as, where that is another user. */
  readonly uid?: number;
  /** Whether Node.js itself is to change to that user. */
  readonly isSpawnedAs?: boolean;
  /** What this way leaves out, for a log. */
  readonly lacks: readonly string[];
}

/** No account has it: the range from 65520 to 65533 is kept free (https://systemd.io/UIDS-GIDS). `nobody` may run other services. */
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
/** A user may do this only together with a user namespace of its own, out of which no process outside can be looked into. */
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
    { prefix: [...withoutNetwork, ...asItself, ...limits], lacks: [OTHER_USER] }, // the program, or the folder of sockets, is closed to others
    none,
  ];
}
