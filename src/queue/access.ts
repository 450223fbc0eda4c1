/**
 * Checks at start, in one call and before any write, that the user of REDIS_ADDR may run every command that TaskFlow
 * uses.
 */
import { at } from "../core/at.ts";
import { messageOf } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";
import { UnfitServer } from "./unfit-server.ts";

/**
 * All commands that TaskFlow sends, or calls in scripts, except EVALSHA, with valid arguments: K is a key, C a channel.
 */
const CALLS = [
  ...[
    "del K",
    "exists K",
    "expire K 1",
    "get K",
    "getrange K 0 0",
    "incrby K 1",
    "mget K",
    "msetnx K v",
    "persist K",
    "pexpire K 1",
    "pttl K",
    "rename K K",
    "set K v",
    "setrange K 0 v",
    "unlink K",
  ],
  ...["hdel K f", "hexists K f", "hget K f", "hgetall K", "hincrby K f 1", "hkeys K", "hmget K f", "hset K f v"],
  ...["hsetnx K f v", "hstrlen K f", "lindex K 0", "llen K", "lpos K v", "lrange K 0 0", "ltrim K 0 0", "rpush K v"],
  ...[
    "sadd K m",
    "sismember K m",
    "smembers K",
    "spop K",
    "srem K m",
    "xadd K * f v",
    "xrange K - +",
    "xrevrange K + -",
  ],
  ...[
    "zadd K 0 m",
    "zcard K",
    "zcount K 0 0",
    "zdiff 1 K",
    "zlexcount K - +",
    "zmscore K m",
    "zpopmin K",
    "zrange K 0 0",
    "zrangebyscore K 0 0",
    "zrank K m",
    "zrem K m",
  ],
  ...["zremrangebyrank K 0 0", "zremrangebyscore K 0 0", "zrevrangebylex K + -", "zscan K 0", "zscore K m"],
  ...["publish C m", "subscribe C", "unsubscribe C", "ping", "time", "script load s"],
];
/** Commands that TaskFlow can do without, and the consequence if they are denied. */
const OPTIONAL: Readonly<Record<string, string>> = {
  info: "its version and role cannot be checked",
  "client setname x": "its connections have no names in CLIENT LIST",
  "client info": "the database of its connections cannot be checked",
};

/** An entry of these lists, as ACL SETUSER names the command. */
function nameOf(call: string): string {
  return /^(?:script|client) \w+/.exec(call)?.[0].replace(" ", "|") ?? call.split(" ", 1)[0] ?? "";
}

/** All commands that a user must be allowed to run. */
export const NEEDED: readonly string[] = [...CALLS.map(nameOf), "evalsha"].sort();

export interface AccessOptions {
  /** With its colon: `{taskflow:0}:`. */
  readonly ns: string;
  readonly timeoutMs: number;
}

/**
 * @returns warnings, a sentence each: optional commands that the user may not run
 * @throws UnfitServer with one sentence that names the missing rights, and the command that grants them
 */
export async function checkAccess(connection: Connection, { ns, timeoutMs }: AccessOptions): Promise<string[]> {
  const [key, channel] = [`${ns}layout`, `${ns}to:`];
  const { source, sha } = scripts.access;
  const calls = [...CALLS, ...Object.keys(OPTIONAL)];
  const lacks = async (command: string, args: readonly string[]): Promise<string> =>
    lackIn(connection.send(command, args, timeoutMs));
  const scripting = (await lacks("script", ["LOAD", source])) || (await lacks("evalsha", [sha, "0", key, channel]));
  if (scripting !== "") {
    const grants = [`~${ns}*`, `&${ns}*`, ...NEEDED.map((command) => `+${command}`)];
    throw lacking(await userOf(connection, timeoutMs), ["the commands of scripts (evalsha, script|load)"], grants);
  }
  const numbers = (await connection.send(
    "evalsha",
    [sha, "0", key, channel, ...calls],
    timeoutMs,
  )) as readonly number[];
  const denied = numbers.map((number) => at(calls, number - 1));
  const lacksKeys = (await lacks("evalsha", [sha, "1", key, key, channel])) === "key";
  const lacksChannels = (await lacks("publish", [channel, ""])) === "channel";
  // If a key or channel is denied, Redis does not report whether the command is allowed: the grant names both.
  const unclear = denied.filter((call) => (lacksKeys && call.includes(" K")) || (lacksChannels && call.includes(" C")));
  const commands = denied.filter((call) => !(call in OPTIONAL) && !unclear.includes(call)).map(nameOf);
  if (lacksKeys || lacksChannels || commands.length > 0) {
    const rights = [
      lacksKeys && `the keys ${ns}*`,
      lacksChannels && `the channels ${ns}*`,
      commands.length > 0 && `the commands ${commands.join(", ")}`,
    ];
    const grants = [
      lacksKeys && `~${ns}*`,
      lacksChannels && `&${ns}*`,
      ...[...commands, ...unclear.map(nameOf)].map((command) => `+${command}`),
    ];
    throw lacking(
      await userOf(connection, timeoutMs),
      rights.filter((right) => right !== false),
      grants.filter((grant) => grant !== false),
    );
  }
  return denied.map(
    (call) =>
      `The user of REDIS_ADDR may not run ${nameOf(call).toUpperCase().replace("|", " ")}: ${OPTIONAL[call] ?? ""}`,
  );
}

/** @returns the kind of right that the user lacks: "key", "channel" or "command"; "" for none */
async function lackIn(sent: Promise<unknown>): Promise<string> {
  try {
    await sent;
    return "";
  } catch (error) {
    const reason = messageOf((error as Error).cause);
    if (/^(?:MOVED|ASK|CLUSTERDOWN)\b/.test(reason)) return ""; // the check of the server reports this
    if (!reason.startsWith("NOPERM")) throw error;
    return /\b(key|channel)s?\b/.exec(reason)?.[1] ?? "command";
  }
}

function lacking(user: string, rights: readonly string[], grants: readonly string[]): UnfitServer {
  return new UnfitServer(
    `The user ${user} of Redis may not use ${rights.join(" and ")}: run ACL SETUSER ${user} ${grants.join(" ")} in Redis.`,
  );
}

async function userOf(connection: Connection, timeoutMs: number): Promise<string> {
  try {
    return String(await connection.send("acl", ["WHOAMI"], timeoutMs));
  } catch {
    return connection.user; // it may not run ACL WHOAMI
  }
}
