/** The proxies of docs/operations/proxies.md and security.md, run with the configurations of these pages. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../embedded/free-port.ts";
import { needDebian } from "./debian.ts";
import { tempDir } from "./services.ts";
import { until } from "./until.ts";

const PAGE = fileURLToPath(new URL("../../docs/operations/proxies.md", import.meta.url));
const SECURITY_PAGE = fileURLToPath(new URL("../../docs/operations/security.md", import.meta.url));
const BLOCK = /^```(nginx|haproxy)\n# test: \1, (SERVER_ADDR|PROXY_ADDR)(, below \S+)?\n(.*?)^```$/gms;

export interface ProxyConfig {
  readonly name: string;
  readonly program: "nginx" | "haproxy";
  /** The part of the URL before the paths of the API; "" for none. */
  readonly prefix: string;
  readonly text: string;
}

/** All configurations of the page that name the program that they are tested with. */
export function proxyConfigs(): readonly ProxyConfig[] {
  return configsOf(PAGE);
}

/** The auth proxy of the page on security. */
export function authProxyConfigs(): readonly ProxyConfig[] {
  return configsOf(SECURITY_PAGE);
}

function configsOf(file: string): readonly ProxyConfig[] {
  const page = readFileSync(file, "utf8");
  return [...page.matchAll(BLOCK)].map(([, program, addr = "", below = "", text = ""], at) => ({
    name: `${at + 1}: ${String(program)} at ${addr}${below}`,
    program: program as ProxyConfig["program"],
    prefix: below.replace(", below ", ""),
    text,
  }));
}

export interface RunningProxy {
  readonly url: string;
  /** Its output so far, stdout and stderr. */
  readonly output: () => string;
  close(): Promise<void>;
}

export interface ServerPorts {
  readonly server: number;
  readonly proxies: number;
  /** The port of the service that authenticates users, of an auth proxy. */
  readonly auth?: number;
  /** The port of the proxy itself. Default: a free one. */
  readonly listen?: number;
}

/** Starts a proxy before a server's two ports. @param headers what it needs to pass a request on */
export async function startProxy(
  { program, text, prefix }: ProxyConfig,
  ports: ServerPorts,
  headers: Readonly<Record<string, string>> = {},
): Promise<RunningProxy> {
  const port = ports.listen ?? (await freePort());
  const own = text
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${ports.server}`)
    .replaceAll("127.0.0.1:8081", `127.0.0.1:${ports.proxies}`)
    .replaceAll("127.0.0.1:4180", `127.0.0.1:${ports.auth ?? 1}`);
  const folder = tempDir();
  const file = join(folder, "proxy.conf");
  const listening = own
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace("bind :80", `bind 127.0.0.1:${port}`);
  writeFileSync(file, program === "nginx" ? nginxConfig(listening, folder) : `global\n    maxconn 4000\n${listening}`);
  const path = needDebian(program, `/usr/sbin/${program}`);
  const child = spawn(path, program === "nginx" ? ["-p", folder, "-c", file] : ["-db", "-f", file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://127.0.0.1:${port}${prefix}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/api/v1/health/ready`, { headers }).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => child.exitCode !== null || (await isReady()), { what: `${program} passes requests on` });
  if (child.exitCode !== null) throw new Error(`${program} ended: ${output}`);
  return { url, output: () => output, close: () => end(child) };
}

/** Debian's nginx.conf around the files of conf.d, without folders that only root may write to. */
function nginxConfig(text: string, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join("\n");
  const main = [
    "daemon off",
    "user root",
    "worker_processes 1",
    "worker_rlimit_nofile 20000",
    `pid ${folder}/pid`,
    "error_log stderr warn",
  ];
  return `${main.join(";\n")};\nevents { worker_connections 9000; }\nhttp {\naccess_log off;\n${temporary}\n${text}}\n`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
