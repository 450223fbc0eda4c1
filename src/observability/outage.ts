/**
 * Explains to callers why Redis or Postgres cannot be used: the kind of failure, and its code. The message of the
 * error itself names addresses, users and databases ("connect ECONNREFUSED 10.0.0.5:6379"), so only the log shows it.
 */
import { CodedError, codeOf, messageOf, ScriptFailed } from "../errors.ts";
import { codesOf } from "./reason.ts";

/** Keys are Node's codes, SQLSTATEs or their classes, and the first word of an error of Redis. */
const KINDS: readonly (readonly [code: RegExp, words: string])[] = [
  [/^ECONNREFUSED$/, "it refuses connections"],
  [/^(?:ECONNRESET|EPIPE|ECONNABORTED|08\w{3})$/, "the connection was lost"],
  [/^(?:ETIMEDOUT|ESOCKETTIMEDOUT)$/, "it does not answer in time"],
  [/^(?:ENOTFOUND|EAI_\w+|EDNS\w*)$/, "its name cannot be looked up"],
  [/^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/, "it cannot be reached"],
  [/^(?:CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|DEPTH_ZERO\w+)$/, "TLS with it fails"],
  [/^(?:28\w{3}|WRONGPASS|NOAUTH)$/, "it rejects the user or password"],
  [/^(?:42501|NOPERM)$/, "the user may not do that"],
  [/^3D000$/, "the database does not exist"],
  [/^53300$/, "it has no free connection"],
  [/^(?:53\w{3}|58\w{3})$/, "it lacks disk or memory"],
  [/^57014$/, "it took too long"],
  [/^57\w{3}$/, "it is starting or shutting down"],
  [/^OOM$/, "its memory is full"],
  [/^(?:READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN)$/, "it does not accept writes now"],
  [/^MISCONF$/, "it cannot save to its disk"],
  [/^(?:LOADING|BUSY)$/, "it is busy"],
];
const TIMED_OUT = /\b(?:timeout|timed out)\b/i;
const CUT_OFF =
  /\b(?:connection (?:is )?(?:closed|terminated|ended)|terminated unexpectedly|not queryable|connection error)\b/i;

/** Describes the kind of an error of Redis, of Postgres, or of a connection to either. */
export function outageOf(error: unknown): string {
  const message = messageOf(error);
  const codes = codesOf(error);
  for (const code of codes) {
    const words = KINDS.find(([pattern]) => pattern.test(code))?.[1];
    if (words !== undefined) return `${words} (${code})`;
  }
  const code = codeOf(error) ?? codes[0] ?? "";
  if (TIMED_OUT.test(message)) return "it does not answer in time";
  if (CUT_OFF.test(message)) return "the connection was lost";
  return /^\w{1,40}$/.test(code) ? `it cannot be used now (${code})` : "it cannot be used now";
}

/** The message of a thrown value for callers: the message of TaskFlow's own errors, else the kind of outage. */
export function publicMessageOf(thrown: unknown): string {
  if (thrown instanceof ScriptFailed) return "a script failed in Redis";
  return thrown instanceof CodedError ? thrown.message : outageOf(thrown);
}
