import { once } from "node:events";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { redisCacheDir } from "../testing/own-servers.ts";
import { tempDir } from "../testing/services.ts";
import { type RedisOptions, type RunningRedis, startRedis } from "./redis.ts";
import { findRedis } from "./redis-binary.ts";
import { redisCommand } from "./redis-command.ts";

const opened: RunningRedis[] = [];
afterEach(async () => {
  for (const redis of opened.splice(0)) await redis.close();
});

async function start(options: Partial<RedisOptions>): Promise<RunningRedis> {
  const redis = await startRedis({ dataDir: tempDir(), cacheDir: redisCacheDir, ...options });
  opened.push(redis);
  return redis;
}

it("keeps its data, and lets arguments override its own", async () => {
  const dataDir = tempDir();
  const first = await start({ dataDir, args: ["--databases", "3"] });
  await redisCommand(first.port, "SET", "kept", "1");
  expect(await redisCommand(first.port, "SELECT", "3")).toMatch(/^-ERR/u);
  await first.close();
  const second = await start({ dataDir, port: first.port });
  expect(second.address).toBe(`redis://127.0.0.1:${first.port}`);
  expect(await redisCommand(second.port, "EXISTS", "kept")).toBe(":1");
});

it("reports a taken port in one sentence", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  await expect(start({ port })).rejects.toThrow(
    new StartError(
      `Redis cannot listen on 127.0.0.1:${port}, because that port is taken or not allowed: free it or choose another.`,
    ),
  );
  taken.close();
});

it("reports the error of Redis in one sentence", async () => {
  await expect(start({ args: ["--no-such-setting", "1"] })).rejects.toThrow(/^Redis did not start on .*: .*[^.]\.$/u);
});

/** Creates a program, written in sh, on a search path. */
function script(folder: string, name: string, body: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, name), 0o755);
}

it("skips servers that are too old or do not run, and accepts Valkey", async () => {
  const [old, broken, valkey] = [join(tempDir(), "old"), join(tempDir(), "broken"), join(tempDir(), "valkey")];
  script(old, "redis-server", "echo 'Redis server v=6.2.7 sha=0'");
  script(broken, "redis-server", "exit 127");
  script(valkey, "valkey-server", "echo 'Valkey server v=8.1.1 sha=0'");
  const found = await findRedis(tempDir(), [old, broken, valkey].join(":"));
  expect(found.command).toBe(join(valkey, "valkey-server"));
});

/** Stand-ins for apt and dpkg, with an archive of one server that needs one library. */
function archive(): string {
  const resources = join(tempDir(), "tools");
  script(
    resources,
    "apt-get",
    `case "$*" in *download*) for p in "$@"; do case $p in redis-*|lib*) : > "$p.deb";; esac; done;; esac`,
  );
  script(resources, "apt-cache", "printf 'redis-tools\\n  Depends: libone\\nlibone\\nlibc6\\n'");
  const server = `#!/bin/sh\\ncase "$LD_LIBRARY_PATH" in */usr/lib/x-linux-gnu*) echo "Redis server v=7.2.0";; *) exit 127;; esac`;
  script(
    resources,
    "dpkg",
    `PATH=/usr/bin:/bin; mkdir -p "$3/usr/bin"
     case "$2" in
       */redis-server.deb) printf '${server}' > "$3/usr/bin/redis-server"; chmod +x "$3/usr/bin/redis-server";;
       */libone.deb) mkdir -p "$3/usr/lib/x-linux-gnu";;
       */libc6.deb) exit 1;;
     esac`,
  );
  return resources;
}

it("fetches a server with its libraries, and uses the cache the next time", async () => {
  const cacheDir = join(tempDir(), "cache");
  const fetched = await findRedis(cacheDir, archive());
  expect(fetched.command).toBe(join(cacheDir, "server/usr/bin/redis-server"));
  expect(fetched.env["LD_LIBRARY_PATH"]).toContain(join(cacheDir, "server/usr/lib/x-linux-gnu"));
  expect(await findRedis(cacheDir, "")).toEqual(fetched);
  for (const path of [cacheDir, fetched.command]) expect(statSync(path).mode & 0o077).toBe(0); // closed to other users
});

it("names what to install if it cannot find or fetch a server", async () => {
  await expect(findRedis(tempDir(), "")).rejects.toThrow(/^No redis-server .* install one .*, or set REDIS_ADDR\.$/u);
  const resources = join(tempDir(), "useless");
  for (const name of ["apt-get", "apt-cache", "dpkg"]) script(resources, name, "exit 0");
  await expect(findRedis(tempDir(), resources)).rejects.toBeInstanceOf(StartError);
});
