/**
 * Explains to the operator why a server cannot be used, in one sentence: the reason with all its causes, then the fix.
 * The sentence names addresses and users, so only the log and the start show it. Callers get {@link outageOf}.
 */
import { codeOf, messageOf } from "../errors.ts";

/** Deeper causes are omitted. */
const MAX_ERRORS = 20;
const MAX_CHARS = 1_000;

/** Fields that errors of Postgres and S3 have in addition to the message. */
interface Detailed {
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown };
}

/** An error, its causes and the errors of an AggregateError, outermost first. It never throws. */
export function causesOf(error: unknown): readonly unknown[] {
  const found = new Set<unknown>();
  const add = (thrown: unknown): void => {
    if (thrown === undefined || thrown === null || found.has(thrown) || found.size >= MAX_ERRORS) return;
    found.add(thrown);
    if (typeof thrown !== "object") return;
    const { errors, cause } = read(thrown);
    if (Array.isArray(errors)) errors.forEach(add);
    add(cause);
  };
  add(error);
  return [...found];
}

/**
 * The codes of an error and its causes: Node's, SQLSTATE, the name of an error of S3, and the first word of an error of
 * Redis.
 */
export function codesOf(error: unknown): readonly string[] {
  return causesOf(error).flatMap((each) => {
    const code = codeOf(each) ?? /^([A-Z]{3,16}) /.exec(messageOf(each))?.[1];
    return [code, each instanceof Error && each.name !== "Error" ? each.name : undefined].filter(
      (found) => found !== undefined,
    );
  });
}

/** The messages of an error and of all its causes, each once, on one line. */
export function reasonOf(error: unknown): string {
  let reason = "";
  for (const text of causesOf(error).flatMap(textsOf)) {
    if (!reason.includes(text)) reason += reason === "" ? text : `: ${text}`;
  }
  return reason.length > MAX_CHARS ? `${reason.slice(0, MAX_CHARS)}…` : reason || "no reason is given";
}

function textsOf(error: unknown): string[] {
  const { errors, detail, hint, $metadata } = read(error);
  const isOnlyList = Array.isArray(errors) && error instanceof Error && error.message === "";
  const isOfRow = /^2[23]\w{3}$/.test(codeOf(error) ?? ""); // the detail of these errors has values of the row
  const status = $metadata?.httpStatusCode;
  const name = status !== undefined && error instanceof Error ? error.name : undefined;
  return [
    name,
    isOnlyList ? undefined : messageOf(error),
    isOfRow ? undefined : detail,
    hint,
    typeof status === "number" ? `HTTP ${status}` : undefined,
  ]
    .filter((text): text is string => typeof text === "string" && text.trim() !== "")
    .map((text) =>
      text
        .trim()
        .replace(/\s*\n\s*/g, " ")
        .replace(/\.$/, ""),
    );
}

function read(error: unknown): Detailed {
  try {
    const { cause, errors, detail, hint, $metadata } = error as Detailed;
    return { cause, errors, detail, hint, ...($metadata !== undefined && { $metadata }) };
  } catch {
    return {}; // a getter throws, or nothing was thrown
  }
}

/** A server that TaskFlow uses. */
export interface Part {
  readonly name: "Redis" | "Postgres";
  readonly at: string;
  /** The setting with the address of the server. */
  readonly setting: string;
  /** The verb to use if the server cannot be reached for an unknown reason. */
  readonly does?: string;
}

/** Returns one sentence for the operator. */
export function unusable(part: Part, error: unknown): string {
  const [does, fix] = remedyOf(part, error);
  // the sentence already has the address
  const isRejected = codeOf(error) === "ECONNREFUSED" && causesOf(error).length === 1;
  return `${part.name} at ${part.at} ${does} (${isRejected ? "the connection is refused" : reasonOf(error)}): ${fix}.`;
}

type Remedy = readonly [kind: RegExp, fix: (part: Part) => string];

const isRedis = ({ name }: Part): boolean => name === "Redis";

/** Matched with the server's code or, without a code, its message. The first match applies. */
const REMEDIES: readonly Remedy[] = [
  [
    /^(?:28P01|WRONGPASS|NOAUTH)$|client password must be/,
    ({ setting }) => `correct the user and password in ${setting}`,
  ],
  [/^28\w{3}$/, ({ setting }) => `allow this user, database and address in its pg_hba.conf, or correct ${setting}`],
  [/^(?:42501|NOPERM)$/, ({ setting }) => `give the user of ${setting} the rights it lacks, or name another user`],
  [/^3D000$/, ({ setting }) => `create that database, or correct its name in ${setting}`],
  [
    /^(?:53300|.*max number of clients)/,
    (part) =>
      `raise its limit of connections (${isRedis(part) ? "maxclients" : "max_connections"}), or close other connections`,
  ],
  [/^53100$/, () => "free disk space there"],
  [/^53200$|^OOM$/, () => "give it more memory"],
  [/^(?:57P03|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)$/, () => "wait until it has started, and start again"],
  [/^(?:25006|READONLY)$/, (part) => `set ${part.setting} to the ${isRedis(part) ? "master" : "primary"}`],
  [/^MISCONF$/, () => "free disk space there, or give it the right to write its folder"],
  [/^BUSY$/, () => "end the script that it runs (SCRIPT KILL)"],
  [/^(?:MOVED|ASK|CROSSSLOT)$/, ({ setting }) => `set ${setting} to a Redis that is not part of a cluster`],
  [
    /DB index is out of range|SELECT is not allowed/,
    ({ setting }) => `correct the number of the database in ${setting}`,
  ],
  [
    /unsupported startup parameter/,
    ({ setting }) =>
      `have the pooler pass that parameter on or ignore it (ignore_startup_parameters of PgBouncer), or set ${setting} to Postgres itself`,
  ],
  [/^(?:22P05|22021)$/, () => "use a database whose encoding is UTF8"],
  [/^(?:CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, () => "renew its certificate, and compare the clocks"],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, ({ setting }) => `name it in ${setting} by a name that its certificate has`],
  [
    /^(?:\w*SELF_SIGNED\w*|UNABLE_TO_\w+|CERT_\w+)$/,
    (part) =>
      `set NODE_EXTRA_CA_CERTS to the file of the CA that signed its certificate${isRedis(part) ? "" : `, or sslrootcert in ${part.setting}`}`,
  ],
  [
    /^(?:ERR_SSL_\w+|EPROTO)$/,
    (part) =>
      `it does not speak TLS at that port: use ${isRedis(part) ? "redis:// instead of rediss://" : "sslmode=disable"} in ${part.setting}, or name its port for TLS`,
  ],
  [/does not support SSL/, ({ setting }) => `turn TLS on there, or leave sslmode out of ${setting}`],
  [/^E?ACCES$|^EPERM$/, () => "allow this process to connect there"],
  [/^(?:EMFILE|ENFILE)$/, () => "raise the limit of open files (ulimit -n)"],
  [/^EAI_AGAIN$/, ({ setting }) => `check that the name server answers, or name an address in ${setting}`],
  [/^(?:ENOTFOUND|EAI_\w+)$/, ({ setting }) => `correct the host in ${setting}, or add its name to DNS`],
  [
    /^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|ETIMEDOUT|ESOCKETTIMEDOUT)$|\b(?:timeout|timed out)\b/i,
    ({ setting }) =>
      `check that ${setting} names it, that no firewall or network policy is between, and that it is not overloaded`,
  ],
];
const CUT_OFF = /^(?:ECONNRESET|EPIPE|ECONNABORTED)$|terminated unexpectedly|connection is closed/i;
const REJECTED = /^ECONNREFUSED$|^ENOENT$/;

function remedyOf(part: Part, error: unknown): readonly [does: string, fix: string] {
  const { setting, does = isRedis(part) ? "does not answer" : "cannot be used" } = part;
  const clues = [...codesOf(error), ...causesOf(error).map(messageOf)];
  const found = REMEDIES.find(([kind]) => clues.some((clue) => kind.test(clue)))?.[1];
  if (found) return ["cannot be used", found(part)];
  if (clues.some((clue) => REJECTED.test(clue)))
    return [
      does,
      isRedis(part)
        ? `start it, or set ${setting} to its address`
        : `check that it runs, and that ${setting} has its host and port`,
    ];
  if (clues.some((clue) => CUT_OFF.test(clue)))
    return [
      "cannot be used",
      `see its log for the reason why it closes connections: too many of them, TLS missing in ${setting}, or another program at that port`,
    ];
  return [does, `see its log, and check ${setting}`];
}
