import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DnsPeer } from "../testing/dns-peer.ts";
import { tempDir } from "../testing/services.ts";
import { until } from "../testing/until.ts";
import { NameLookup } from "./name-lookup.ts";

let server: DnsPeer;
let names: NameLookup;
let files: { hostsFile: string; resolvFile: string; switchFile: string };
beforeEach(async () => {
  server = await DnsPeer.start();
  const dir = tempDir();
  files = {
    hostsFile: join(dir, "hosts"),
    resolvFile: join(dir, "resolv.conf"),
    switchFile: join(dir, "nsswitch.conf"),
  };
  names = new NameLookup({ servers: [server.address], ...files });
});
afterEach(async () => {
  names.close();
  await server.close();
});

const addressesOf = async (name: string): Promise<string[]> =>
  (await names.addressesOf(name)).map(({ address }) => address);

describe("a name", () => {
  it("in the hosts file has the addresses listed there, and the DNS is not queried", async () => {
    writeFileSync(files.hostsFile, "# ours\n10.0.0.5\tDB.internal db # comment\nfd00::5 db\n10.0.0.5 db\n");
    expect(await addressesOf("db")).toEqual(["10.0.0.5", "fd00::5"]);
    expect(await addressesOf("db.internal.")).toEqual(["10.0.0.5"]);
    expect(server.asked).toEqual([]);
    writeFileSync(files.hostsFile, "10.0.0.66 db\n");
    await until(async () => (await addressesOf("db"))[0] === "10.0.0.66", { what: "the changed file is read" });
  });

  it.each(["localhost", "app.localhost", "localhost."])(
    "%s is this machine if the hosts file does not contain it",
    async (name) => {
      expect(await addressesOf(name)).toEqual(["127.0.0.1", "::1"]);
    },
  );

  it("is looked up in the DNS", async () => {
    server.serve((name) => (name === "hooks.example.com" ? ["192.0.2.1", "192.0.2.2"] : []));
    expect((await addressesOf("hooks.example.com")).sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
    await expect(addressesOf("nowhere.example.com")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("of a service is found in the domains that the system searches, as in Kubernetes", async () => {
    writeFileSync(
      files.resolvFile,
      "search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:1\n",
    );
    server.serve((name) => (/^(db\.shop\.svc\.cluster\.local|hooks\.example\.com)$/.test(name) ? ["10.0.0.5"] : []));
    expect(await addressesOf("db")).toEqual(["10.0.0.5"]);
    expect(await addressesOf("db.shop")).toEqual(["10.0.0.5"]);
    expect(await addressesOf("hooks.example.com")).toEqual(["10.0.0.5"]);
    expect(new Set(server.asked.slice(-2))).toEqual(new Set(["hooks.example.com"]));
    server.asked.length = 0;
    expect(await addressesOf("hooks.example.com.")).toEqual(["10.0.0.5"]);
    expect(new Set(server.asked)).toEqual(new Set(["hooks.example.com"]));
  });

  it("of a service is found without a search domain, as in a Docker network", async () => {
    writeFileSync(files.resolvFile, "nameserver 127.0.0.11\noptions ndots:0\n");
    server.serve((name) => (name === "mailpit" ? ["172.18.0.3"] : []));
    expect(await addressesOf("mailpit")).toEqual(["172.18.0.3"]);
  });

  it("is looked up by the system if it has other sources, but not if a server hangs", async () => {
    await expect(addressesOf("localhost.invalid")).rejects.toMatchObject({ code: "ENOTFOUND", syscall: "queryA" });
    writeFileSync(files.switchFile, "hosts: files mdns4_minimal [NOTFOUND=return] dns\n");
    await until(
      () =>
        addressesOf("localhost.invalid").catch(
          (error: unknown) => (error as { syscall?: string }).syscall === "getaddrinfo",
        ),
      { what: "the system's look-up is called" },
    );
  });
});
