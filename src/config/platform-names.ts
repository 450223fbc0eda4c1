/** Variables that hosting platforms and other programs set. TaskFlow reads them if its own setting is not set. */
import { isIPv6 } from "node:net";
import { fileSetting } from "./secret-files.ts";
import { parseServerAddr } from "./server-addr.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface PlatformEnvironment {
  readonly env: Environment;
  /** The variable that a setting was read from, for errors. */
  readonly sourceOf: Readonly<Record<string, string>>;
}

/**
 * Reads `REDIS_URL` as REDIS_ADDR, and `HOST` and `PORT` as the two halves of SERVER_ADDR. The specific setting wins.
 * @param defaultAddr supplies the host or the port if only the other is given
 * @param issues called with a sentence for an invalid HOST or PORT
 */
export function withPlatformNames(env: Environment, defaultAddr: string, issues: Set<string>): PlatformEnvironment {
  const isSet = (name: string): boolean => (env[name] ?? "") !== "";
  const values: Record<string, string | undefined> = {};
  const sourceOf: Record<string, string> = {};
  if (isSet("REDIS_URL") && !isSet("REDIS_ADDR") && !isSet(fileSetting("REDIS_ADDR"))) {
    values["REDIS_ADDR"] = env["REDIS_URL"];
    sourceOf["REDIS_ADDR"] = "REDIS_URL";
  }
  if (!isSet("SERVER_ADDR")) values["SERVER_ADDR"] = serverAddr(env, defaultAddr, issues);
  return { env: { ...env, ...values }, sourceOf };
}

function serverAddr(env: Environment, defaultAddr: string, issues: Set<string>): string | undefined {
  const { HOST = "", PORT = "" } = env;
  if (HOST === "" && PORT === "") return undefined;
  const end = defaultAddr.lastIndexOf(":");
  const host = isIPv6(HOST) ? `[${HOST}]` : HOST;
  const isPort = PORT === "" || parseServerAddr(`:${PORT}`) !== undefined;
  const isHost = HOST === "" || parseServerAddr(`${host}:0`) !== undefined;
  if (!isPort) issues.add(`PORT: expected a number from 0 to 65535, got ${JSON.stringify(PORT)}`);
  if (!isHost) issues.add(`HOST: expected a name or an address without a port, got ${JSON.stringify(HOST)}`);
  if (!isPort || !isHost) return undefined;
  return `${host || defaultAddr.slice(0, end)}:${PORT || defaultAddr.slice(end + 1)}`;
}
