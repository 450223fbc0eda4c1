import { writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, expect, it, vi } from "vitest";
import { freePort } from "../embedded/free-port.ts";
import { StartError } from "../errors.ts";
import { openQueue } from "../testing/queue.ts";
import { ownRedis, tempDir } from "../testing/services.ts";
import { testCertificate, testKey } from "../testing/tls.ts";
import { until } from "../testing/until.ts";
import { checkServer } from "./server-check.ts";
import { startErrorOf } from "./unfit-server.ts";

const closers: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The error message of a start at this address; "" if it succeeds. */
async function rejection(address: string): Promise<string> {
  try {
    const queue = await openQueue(address, {}, 1_500);
    closers.push(() => queue.close());
    await checkServer(queue, "HERE");
    return "";
  } catch (error) {
    const failure = startErrorOf("HERE", error);
    expect(failure).toBeInstanceOf(StartError);
    return failure.message.replaceAll(/127\.0\.0\.1:\d+/g, "HERE");
  }
}

function clientOf(port: number): Redis {
  const redis = new Redis(port);
  closers.push(() => redis.disconnect());
  return redis;
}

/** A server that sends a given answer to each command, also answers that no Redis sends. */
async function peer(answers: Readonly<Record<string, string>>, greeting = ""): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (greeting !== "") socket.end(greeting);
    else
      socket.on("data", (chunk) => {
        for (const [, command = ""] of chunk.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
          const answer = answers[command.toLowerCase()] ?? "OK";
          socket.write(answer.startsWith("-") ? `${answer}\r\n` : `$${Buffer.byteLength(answer)}\r\n${answer}\r\n`);
        }
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("rejects a database that does not exist, and uses the configured one on all connections", async () => {
  const { address, port } = await ownRedis();
  expect(await rejection(`${address}/16`)).toBe(
    'Redis at HERE has no database 16: name an existing one in REDIS_ADDR (0 to 15 by default, see the Redis setting "databases").',
  );
  const redis = clientOf(port);
  expect(await redis.info("keyspace")).not.toContain("db0");
  expect(await rejection(`${address}/15`)).toBe("");
  const list = String(await redis.client("LIST"))
    .split("\n")
    .filter((line) => line.includes("name=taskflow-"));
  expect(list.length).toBeGreaterThanOrEqual(5);
  for (const line of list) expect(line).toContain(" db=15 ");
});

it("does not use a connection whose database is denied at a reconnection", async () => {
  const { address, port } = await ownRedis();
  const redis = clientOf(port);
  const losses: string[] = [];
  let back = 0;
  const queue = await openQueue(`${address}/3`, {
    reach: {
      onLost: ({ message }) => losses.push(message),
      onBack: () => {
        back += 1;
      },
    },
  });
  closers.push(() => queue.close());
  await redis.acl("SETUSER", "default", "-select");
  await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await until(() => losses.some((loss) => loss.includes("does not let the user default select database 3")), {
    what: "the loss is reported",
  });
  expect(queue.isReady).toBe(false);
  await expect(queue.pause("noop")).rejects.toThrow("Redis is not connected");
  await redis.acl("SETUSER", "default", "+select");
  await until(() => back > 0 && queue.isReady, { what: "it is connected again" });
  await queue.pause("noop");
  expect(await redis.info("keyspace")).toMatch(/db3:keys=1/);
  expect(await redis.info("keyspace")).not.toContain("db0");
});

it("checks the database of a connection, whatever the answer to SELECT", async () => {
  const address = await peer({ info: "redis_version:7.4.0\r\nrole:master\r\n", client: "id=1 db=0 user=default" });
  expect(await rejection(`${address}/4`)).toBe(
    "Redis at HERE selected database 0 instead of 4: name a database in REDIS_ADDR that the server provides.",
  );
});

it.each([
  ["redis_version:6.2.14\r\n", "Redis 6.2.14 at HERE is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer."],
  [
    "redis_version:6.3.4\r\nmvcc_depth:0\r\n",
    "KeyDB 6.3.4 at HERE is too old: TaskFlow needs Redis 7.0 or Valkey 7.2, or newer.",
  ],
  [
    "redis_version:7.0.15\r\nredis_mode:sentinel\r\n",
    "The server at HERE is a Sentinel: write redis+sentinel://HOST:PORT/MASTER_NAME in REDIS_ADDR.",
  ],
  [
    "redis_version:7.4.0\r\nloading:1\r\nloading_loaded_perc:41.20\r\n",
    "Redis at HERE is loading its data (41 % so far): wait until it is ready, and start again.",
  ],
  [
    "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nmaxmemory_policy:allkeys-lru\r\n",
    "Redis at HERE would evict jobs when its memory is full (maxmemory-policy is allkeys-lru): set it to noeviction.",
  ],
])("rejects a server of %j", async (info, sentence) => {
  expect(await rejection(await peer({ info }))).toBe(sentence);
});

it.each([
  [
    "-ERR max number of clients reached\r\n",
    "Redis at HERE accepts no more connections (ERR max number of clients reached): raise its maxclients, or close connections of other clients.",
  ],
  [
    "-DENIED Redis is running in protected mode because …\r\n",
    "Redis at HERE is in protected mode and accepts only local connections: set a password in Redis (requirepass) and in REDIS_ADDR.",
  ],
])("shows the reason of a server that closes with %j", async (greeting, sentence) => {
  expect(await rejection(await peer({}, greeting))).toBe(sentence);
});

it("rejects a MASTER_NAME that the Sentinels do not know", async () => {
  const sentinel = await peer({ sentinel: "-ERR No such master with that name" });
  expect(await rejection(`${sentinel.replace("redis:", "redis+sentinel:")}/mine`)).toMatch(
    /^The Sentinels at HERE do not monitor a master with the name in REDIS_ADDR: set MASTER_NAME to /,
  );
});

it("reports that Redis accepts no more connections", async () => {
  const { address } = await ownRedis(["--maxclients", "3"]);
  // Redis sends the reason and closes the connection; if it closes during our write, the reason is lost
  expect(await rejection(address)).toMatch(
    /accepts no more connections \(ERR max number of clients reached\)|the server closed the connection/,
  );
});

it("rejects a wrong, a missing and an unexpected login, and prints nothing else on stderr", async () => {
  const printed = [vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
  const { address, port } = await ownRedis();
  const withLogin = (login: string): Promise<string> => rejection(address.replace("//", `//${login}@`));
  expect(await withLogin(":secret")).toBe(
    "Redis at HERE has no password, and REDIS_ADDR has one: remove it, or set requirepass in Redis.",
  );
  const redis = clientOf(port);
  await redis.config("SET", "requirepass", "secret");
  await redis.auth("secret");
  expect(await rejection(address)).toBe(
    "Redis at HERE requires a password, and REDIS_ADDR has none: write redis://USER:PASSWORD@HOST:PORT.",
  );
  const wrongLogin = "Redis at HERE rejected the user or password in REDIS_ADDR: correct them.";
  expect(await withLogin(":wrong")).toBe(wrongLogin);
  expect(await withLogin("nobody:secret")).toBe(wrongLogin);
  expect(await withLogin(":secret")).toBe("");
  for (const print of printed) expect(print).not.toHaveBeenCalled();
});

it("rejects a replica, and names its master", async () => {
  const master = await ownRedis();
  const replica = await ownRedis(["--replicaof", "127.0.0.1", String(master.port)]);
  expect(await rejection(replica.address)).toBe(
    "Redis at HERE is a replica of HERE and cannot accept jobs: set REDIS_ADDR to the master, or to its Sentinels.",
  );
});

it("connects to a Unix socket", async () => {
  const path = join(tempDir(), "redis.sock");
  const { port } = await ownRedis(["--unixsocket", path]);
  expect(await rejection(`unix://${path}?db=2`)).toBe("");
  expect(await clientOf(port).info("keyspace")).toMatch(/db2:keys=1/);
  expect(await rejection(`unix://${path}.gone`)).toMatch(
    /^Redis at HERE does not answer \(connect ENOENT .*\): start it, or set REDIS_ADDR to its address\.$/,
  );
});

it("connects over TLS with the authority in cafile, and explains each TLS error", async () => {
  const dir = tempDir();
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  writeFileSync(cert, testCertificate);
  writeFileSync(key, testKey);
  const tlsPort = await freePort();
  const files = ["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert];
  const { port } = await ownRedis(["--tls-port", String(tlsPort), "--tls-auth-clients", "no", ...files]);
  const address = `rediss://127.0.0.1:${tlsPort}`;
  expect(await rejection(`${address}/1?cafile=${cert}`)).toBe("");
  expect(await rejection(address)).toMatch(
    /^Redis at HERE cannot be used over TLS \(.*self-signed.*\): no trusted authority has signed its certificate: add the parameter cafile=FILE to REDIS_ADDR/,
  );
  expect(await rejection(`${address}?cafile=${cert}&servername=cache.example.com`)).toMatch(
    /its certificate is for another host name: .*servername=NAME/,
  );
  expect(
    await rejection(await peer({}, "-ERR no TLS here\r\n").then((plain) => plain.replace("redis:", "rediss:"))),
  ).toContain("it does not use TLS on that port: write redis:// in REDIS_ADDR");
  expect(await rejection(`${address}?cafile=${dir}/none.pem`)).toMatch(
    /^REDIS_ADDR: the file in the parameter cafile cannot be read \(ENOENT/,
  );
  const mixedUp = /^Redis at HERE does not answer \(.+\): start it, or set .+ with rediss:\/\/ if it uses TLS/;
  expect(await rejection(`redis://127.0.0.1:${tlsPort}`)).toMatch(mixedUp);
  expect(await rejection(`rediss://127.0.0.1:${port}`)).toMatch(mixedUp);
  await clientOf(port).config("SET", "tls-auth-clients", "yes");
  expect(await rejection(`${address}?cafile=${cert}`)).toContain(
    "it requires a client certificate: add the parameters certfile=FILE and keyfile=FILE to REDIS_ADDR",
  );
  expect(await rejection(`${address}?cafile=${cert}&certfile=${cert}&keyfile=${key}`)).toBe("");
});

it("rejects a node of a cluster that does not own its keys, and any database but 0", async () => {
  const [one, other] = await Promise.all(
    [1, 2].map(async () => ownRedis(["--cluster-enabled", "yes", "--cluster-port", String(await freePort())])),
  );
  if (!one || !other) throw new Error("no servers");
  const sentence =
    "Redis at HERE is a node of a cluster, which is incomplete: use a Redis that is not a cluster, such as a master with replicas and Sentinels.";
  expect(await rejection(one.address)).toBe(sentence);
  expect(await rejection(`${one.address}/1`)).toBe(
    "Redis at HERE is a node of a cluster, which has no database 1: name database 0 in REDIS_ADDR.",
  );
  const [first, second] = [clientOf(one.port), clientOf(other.port)];
  const slot = await first.cluster("KEYSLOT", "{taskflow:0}:layout");
  await first.cluster("ADDSLOTSRANGE", 0, slot);
  await second.cluster("ADDSLOTSRANGE", slot + 1, 16_383);
  const [, busPort] = (await second.config("GET", "cluster-port")) as [string, string];
  await first.call("CLUSTER", "MEET", "127.0.0.1", String(other.port), busPort);
  for (const node of [first, second])
    await until(async () => (await node.cluster("INFO")).includes("cluster_state:ok"), {
      what: "the cluster is complete",
      timeoutMs: 20_000,
    });
  expect(await rejection(other.address)).toBe(
    sentence.replace("which is incomplete", "and the keys of REDIS_NAMESPACE are on HERE"),
  );
  const queue = await openQueue(one.address);
  closers.push(() => queue.close());
  expect(await checkServer(queue, "HERE")).toEqual([
    "Redis at HERE is a node of a cluster: TaskFlow uses only this node, and accepts no jobs once another node takes over its keys",
  ]);
}, 60_000);
