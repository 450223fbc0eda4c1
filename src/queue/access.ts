/** Whether the user of REDIS_ADDR may do all that TaskFlow does: looked at in one go at start, before anything is written. */
import { messageOf } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import { UnfitServer } from "./unfit-server.ts";

/** What is sent outside scripts. */
const SENT = [
  ...["del", "evalsha", "get", "getrange", "hget", "hmget", "hstrlen", "mget", "ping", "publish", "sadd", "script|load", "set", "subscribe", "time", "unsubscribe"],
  ...["xrange", "xrevrange", "zmscore", "zrange", "zrevrangebylex"],
];
/** What a start goes on without, and what is missed then. */
const OPTIONAL: Readonly<Record<string, string>> = {
  info: "its version and role cannot be checked",
  "client|setname": "its connections have no names in CLIENT LIST",
  "client|info": "whether a connection is in the right database cannot be checked",
};

const inScripts = Object.values(scripts).flatMap(({ source }) => Array.from(source.matchAll(/redis\.p?call\('([A-Z]+)'/g), ([, command = ""]) => command.toLowerCase()));
/** All commands that a user must be allowed, as ACL SETUSER names them. */
export const NEEDED: readonly string[] = [...new Set([...SENT, ...inScripts])].sort();

export interface AccessOptions {
  /** With its colon: `{taskflow:0}:`. */
  readonly ns: string;
  readonly timeoutMs: number;
}

/**
 * @returns warnings: what the user may not do and TaskFlow goes on without, a sentence each
 * @throws UnfitServer with one sentence that names what the user lacks, and the command that grants it
 */
export async function checkAccess(connection: Connection, { ns, timeoutMs }: AccessOptions): Promise<string[]> {
  const { source, sha } = scripts.access;
  let reply: readonly [number, number, ...string[]];
  try {
    await connection.send("script", ["LOAD", source], timeoutMs);
    reply = (await connection.send("evalsha", [sha, "0", `${ns}layout`, `${ns}to:`, ...NEEDED, ...Object.keys(OPTIONAL)], timeoutMs)) as [number, number, ...string[]];
  } catch (error) {
    if (!/NOPERM/.test(`${messageOf(error)} ${messageOf((error as Error).cause)}`)) throw error;
    throw lacking(await userOf(connection, timeoutMs), ["the commands of scripts (evalsha, script|load)"], [`~${ns}*`, `&${ns}*`, ...NEEDED.map((command) => `+${command}`)]);
  }
  const [lacksKeys, lacksChannels, ...denied] = reply;
  const commands = denied.filter((command) => !(command in OPTIONAL));
  if (lacksKeys + lacksChannels + commands.length > 0) {
    const rights = [lacksKeys ? `the keys ${ns}*` : "", lacksChannels ? `the channels ${ns}*` : "", commands.length > 0 ? `the commands ${commands.join(", ")}` : ""];
    const grants = [lacksKeys ? `~${ns}*` : "", lacksChannels ? `&${ns}*` : "", ...commands.map((command) => `+${command}`)];
    throw lacking(await userOf(connection, timeoutMs), rights.filter(Boolean), grants.filter(Boolean));
  }
  return denied.map((command) => `The user of REDIS_ADDR may not run ${command.toUpperCase().replace("|", " ")}: ${OPTIONAL[command] ?? ""}`);
}

function lacking(user: string, rights: readonly string[], grants: readonly string[]): UnfitServer {
  return new UnfitServer(`The user ${user} of Redis may not use ${rights.join(" and ")}: run ACL SETUSER ${user} ${grants.join(" ")} in Redis.`);
}

async function userOf(connection: Connection, timeoutMs: number): Promise<string> {
  try {
    return String(await connection.send("acl", ["WHOAMI"], timeoutMs));
  } catch {
    return connection.user; // it may not ask
  }
}
