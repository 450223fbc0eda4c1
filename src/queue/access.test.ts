import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { StartError } from "../errors.ts";
import type { OwnServer } from "../testing/own-servers.ts";
import { enqueue, ioSlots, openQueue, submission } from "../testing/queue.ts";
import { ownRedis } from "../testing/services.ts";
import { NEEDED } from "./access.ts";
import type { Queue } from "./queue.ts";
import { scripts } from "./scripts.ts";
import { checkServer } from "./server-check.ts";

const NS = "{taskflow:0}:";
const ALL = [`~${NS}*`, `&${NS}*`];

describe("a user of Redis", () => {
  let server: OwnServer;
  let redis: Redis;
  const queues: Queue[] = [];
  let users = 0;

  beforeAll(async () => {
    server = await ownRedis();
    redis = new Redis(server.port).on("error", () => undefined);
  });
  afterAll(() => {
    queues.forEach((queue) => queue.close());
    redis.disconnect();
  });

  /** The warnings of a start as a user with these rights, or the sentence that ends it. */
  async function start(name: string): Promise<string[] | string> {
    try {
      const queue = await openQueue(server.address.replace("//", `//${name}:pw@`));
      queues.push(queue);
      const warnings = [...(await queue.open(5_000)), ...(await checkServer(queue, "HERE"))];
      await enqueue(queue, submission());
      expect((await queue.claim(1, 1, ioSlots({ noop: 1 }))).claimed.length).toBeLessThanOrEqual(1);
      await queue.installation.generation("mark");
      return warnings;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      return error.message;
    }
  }

  async function user(...rights: string[]): Promise<string> {
    users += 1;
    await redis.acl("SETUSER", `user${users}`, "on", ">pw", ...rights);
    return `user${users}`;
  }

  it.each([
    ["all commands but administration", [...ALL, "+@all", "-@admin"]],
    ["INFO as the only dangerous command", [...ALL, "+@all", "-@dangerous", "+info"]],
    ["neither INFO nor CONFIG", [...ALL, "+@all", "-@dangerous"]],
    ["only the needed commands", [...ALL, ...NEEDED.map((command) => `+${command}`)]],
  ])("may have %s", async (_, rights) => {
    const warnings = await start(await user(...rights));
    expect(Array.isArray(warnings), String(warnings)).toBe(true);
    if (rights.includes("-@admin") || rights.includes("+info")) expect(warnings).toEqual([]);
  });

  it("is warned if INFO, CONFIG and CLIENT are denied", async () => {
    expect(await start(await user(...ALL, "+@all", "-info", "-config", "-client"))).toEqual([
      "The user of REDIS_ADDR may not run INFO: its version and role cannot be checked",
      "The user of REDIS_ADDR may not run CLIENT SETNAME: its connections have no names in CLIENT LIST",
      "The user of REDIS_ADDR may not run CLIENT INFO: the database of its connections cannot be checked",
      "The settings of Redis cannot be checked (CONFIG is denied): make sure that maxmemory-policy is noeviction and appendonly is yes",
    ]);
  });

  it.each([
    ["keys", [`&${NS}*`, "+@all"], `the keys ${NS}*: run ACL SETUSER USER ~${NS}* +`],
    ["writing", [`%R~${NS}*`, `&${NS}*`, "+@all"], `the keys ${NS}*: run ACL SETUSER USER ~${NS}* +`],
    [
      "channels",
      ["resetchannels", `~${NS}*`, "+@all"],
      `the channels ${NS}*: run ACL SETUSER USER &${NS}* +publish +subscribe`,
    ],
    [
      "some commands",
      [...ALL, "+@all", "-zadd", "-subscribe"],
      "the commands zadd, subscribe: run ACL SETUSER USER +zadd +subscribe in Redis.",
    ],
    [
      "several of them",
      ["resetchannels", "~other:*", "+@all", "-hincrby"],
      `the keys ${NS}* and the channels ${NS}*: run ACL SETUSER USER ~${NS}* &${NS}* +`,
    ],
    [
      "another namespace's keys alone",
      ["~{other:0}:*", `&${NS}*`, "+@all"],
      `the keys ${NS}*: run ACL SETUSER USER ~${NS}* +`,
    ],
  ])("that lacks %s gets one sentence with the command that grants it", async (_, rights, end) => {
    const printed = [vi.spyOn(console, "warn"), vi.spyOn(console, "error")];
    const name = await user(...rights);
    const rejection = String(await start(name));
    expect(rejection).toContain(`The user ${name} of Redis may not use ${end.replace(" USER", ` ${name}`)}`);
    await grant(rejection);
    expect(await start(name)).toEqual([]);
    for (const print of printed) expect(print).not.toHaveBeenCalled();
  });

  it.each([["-@scripting"], ["-evalsha"], ["-script"], ["nocommands"]])(
    "that may not run scripts (%s) gets one command that grants everything",
    async (right) => {
      const name = await user(...ALL, "+@all", right);
      const rejection = String(await start(name));
      expect(rejection).toContain(
        `The user ${name} of Redis may not use the commands of scripts (evalsha, script|load): run ACL SETUSER ${name} ~${NS}* &${NS}* `,
      );
      await grant(rejection);
      expect(Array.isArray(await start(name))).toBe(true);
    },
  );

  it("needs every command that a script calls", () => {
    const options = ["BYLEX", "COUNT", "LIMIT", "MAXLEN", "REV", "WITHSCORES"];
    const words = Object.values(scripts).flatMap(({ source }) =>
      Array.from(source.matchAll(/'([A-Z]{3,})'/g), ([, word = ""]) => word),
    );
    const called = words.filter((word) => !options.includes(word)).map((word) => word.toLowerCase());
    expect(called.length).toBeGreaterThan(50);
    expect(called.filter((command) => !NEEDED.includes(command))).toEqual([]);
  });

  async function grant(rejection: string): Promise<void> {
    const [, ...words] = (/run ACL (.*) in Redis\.$/.exec(rejection)?.[1] ?? "").split(" ");
    await redis.acl("SETUSER", ...(words as [string, ...string[]]));
  }
});
