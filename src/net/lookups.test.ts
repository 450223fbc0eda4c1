import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RetryAfterError } from "../core/job-type.ts";
import { DnsPeer } from "../testing/dns-peer.ts";
import { Lookups } from "./lookups.ts";
import { NameLookup } from "./name-lookup.ts";

let server: DnsPeer;
let names: NameLookup;
let lookups: Lookups;
beforeEach(async () => {
  server = await DnsPeer.start();
  server.serve((name) => (name.includes("slow") ? undefined : name.startsWith("no") ? [] : ["192.0.2.1"]));
  names = new NameLookup({
    servers: [server.address],
    hostsFile: "/nowhere",
    resolvFile: "/nowhere",
    switchFile: "/nowhere",
  });
  lookups = new Lookups({ addressesOf: (name) => names.addressesOf(name), connectTimeoutMs: 10_000 });
});
afterEach(async () => {
  vi.restoreAllMocks();
  names.close();
  await server.close();
});

async function addressOf(name: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    lookups.resolve(name, (error, [first]) => {
      if (error) reject(error);
      else resolve(first?.address);
    });
  });
}
const failureOf = (name: string): Promise<unknown> =>
  addressOf(name).then(
    () => undefined,
    (error: unknown) => error,
  );

describe("look-ups", () => {
  it("of names that hang do not delay other names, and fail only for those names", async () => {
    const slow = Array.from({ length: 64 }, (_, n) => failureOf(`h${n}.slow.test`));
    expect(await addressOf("good.example")).toBe("192.0.2.1");
    const failures = await Promise.all(slow);
    expect(failures.filter((error) => (error as { code: string }).code === "ETIMEOUT")).toHaveLength(32);
    const turns = failures.filter((error) => error instanceof RetryAfterError);
    expect(turns).toHaveLength(32);
    expect(turns[0]).toMatchObject({ code: "destination_limited", waitsForTurn: true });
  });

  it("of names that hang do not delay names of their domain whose last look-up succeeded", async () => {
    let now = Promise.resolve<readonly { address: string; family: number }[]>([{ address: "192.0.2.1", family: 4 }]);
    lookups = new Lookups({ addressesOf: () => now, connectTimeoutMs: 10_000 });
    expect(await addressOf("good.slow.test")).toBe("192.0.2.1");
    now = new Promise(() => undefined);
    for (let n = 0; n < 40; n += 1) lookups.resolve(`h${n}.slow.test`, () => undefined);
    now = Promise.resolve([{ address: "192.0.2.2", family: 4 }]);
    const later = performance.now() + 60_000;
    vi.spyOn(performance, "now").mockReturnValue(later); // its answer is no longer cached
    expect(await addressOf("good.slow.test")).toBe("192.0.2.2");
  });

  it("of the same name share one query, and its answer is cached, a failure too", async () => {
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => addressOf("good.example"))))).toEqual(
      new Set(["192.0.2.1"]),
    );
    await addressOf("good.example");
    expect(server.asked).toEqual(["good.example", "good.example"]); // one for each address family
    for (let n = 0; n < 3; n += 1) expect(await failureOf("no.example")).toMatchObject({ code: "ENOTFOUND" });
    expect(server.asked.filter((name) => name === "no.example")).toHaveLength(2);
  });

  it("take turns by domain", async () => {
    const order: string[] = [];
    const begun = new Map<string, () => void>();
    const asked = (name: string): Promise<[]> =>
      new Promise((resolve) => {
        order.push(name);
        begun.set(name, () => resolve([]));
      });
    lookups = new Lookups({ addressesOf: asked, connectTimeoutMs: 10_000 });
    const all = [
      ...Array.from({ length: 256 }, (_, n) => `a.d${n}.test`),
      "x1.busy.test",
      "x2.busy.test",
      "x3.busy.test",
      "y.other.test",
    ].map(addressOf);
    expect(order).toHaveLength(256);
    for (let n = 0; n < 4; n += 1) {
      begun.get(`a.d${n}.test`)?.();
      await all[n];
      await new Promise(setImmediate);
    }
    expect(order.slice(256)).toEqual(["x1.busy.test", "y.other.test", "x2.busy.test", "x3.busy.test"]);
    for (const end of begun.values()) end();
    await Promise.all(all);
  });

  it("end before the connection's time limit", async () => {
    lookups = new Lookups({ addressesOf: () => new Promise(() => undefined), connectTimeoutMs: 200 });
    expect(await failureOf("slow.test")).toMatchObject({ code: "ETIMEOUT" });
  });
});
