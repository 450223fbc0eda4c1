/**
 * What attackers send a guarded client to: spellings of this machine, redirects, answers of a hostile name server.
 * Nothing may arrive.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArtifactStore } from "../artifacts/store.ts";
import { unlimited } from "../core/destination.ts";
import { type Outbound, openOutbound, type Resolve } from "../net/outbound.ts";
import { HttpPeer, redirect } from "../testing/http-peer.ts";
import { fetchFile } from "./email/fetched-file.ts";
import { SendingLimits } from "./email/sending-limits.ts";
import { readImage } from "./image-resize/source.ts";
import webhook from "./webhook/webhook.ts";

let connections = 0;
const servers: Server[] = [];
let port = 0;
let outbound: Outbound;

beforeAll(async () => {
  const onSocket = (): Server =>
    createServer((socket) => {
      connections += 1;
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nseen");
    });
  const everywhere = onSocket().listen(0, "0.0.0.0");
  await once(everywhere, "listening");
  port = (everywhere.address() as AddressInfo).port;
  servers.push(everywhere);
  const six = onSocket().listen(port, "::1");
  if (await Promise.race([once(six, "listening").then(() => true), once(six, "error").then(() => false)]))
    servers.push(six); // a machine may have no IPv6
  outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: false });
});
afterAll(async () => {
  await outbound.close();
  for (const server of servers) server.close();
});

const full = (text: string): string => text.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
const percent = (text: string): string => text.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/** Every way to write an IPv4 address that some reader takes for it. */
function spellingsOf(address: string): string[] {
  const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const bases = [
    (n: number) => String(n),
    (n: number) => `0x${n.toString(16)}`,
    (n: number) => `0${n.toString(8)}`,
    (n: number) => `000${n.toString(8)}`,
    (n: number) => `0X${n.toString(16).toUpperCase()}`,
  ];
  const dotted = bases.flatMap((write) =>
    [[a, b, c, d], [a, b, c * 256 + d], [a, (b * 256 + c) * 256 + d], [whole]].map((parts) =>
      parts.map(write).join("."),
    ),
  );
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const six = [
    `::ffff:${address}`,
    `::ffff:${hex}`,
    `0:0:0:0:0:ffff:${hex}`,
    `::${address}`,
    `::${hex}`,
    `64:ff9b::${address}`,
    `64:ff9b:1::${hex}`,
    `2002:${hex}::`,
    `2002:${hex}::1`,
    `::ffff:0:${hex}`,
  ].map((text) => `[${text}]`);
  return [
    ...dotted,
    ...six,
    `${address}.`,
    `0x${a.toString(16)}.${b}.0${c.toString(8)}.${d}`,
    percent(address),
    full(address),
    address.replaceAll(".", "。"),
    address.replaceAll(".", "．"),
  ];
}

const NAMES = [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "a.localhost",
  "%6cocalhost",
  full("localhost"),
  "ⓛocalhost",
  "0",
  "0.0.0.0",
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::1%25lo]",
  "[fe80::1%25lo]",
  "[fe80::1]",
];
const SPELLINGS = [
  ...new Set([
    ...["127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "169.254.169.254", "10.0.0.1"].flatMap(spellingsOf),
    ...NAMES,
  ]),
];

/** The spellings as whole URLs, with what makes readers disagree about where the host is. */
function targets(): string[] {
  const plain = SPELLINGS.map((host) => `http://${host}:${port}/`);
  const tricks = [
    "http://example.com@127.0.0.1",
    "http://127.0.0.1#@example.com",
    "http://example.com\\@127.0.0.1",
    "http:127.0.0.1",
    "http:\\\\127.0.0.1",
    "http:///127.0.0.1",
    "HTTP://127.0.0.1",
    "http://127.0.0.1\t",
    "ht\ntp://127.0.0.1",
    " http://127.0.0.1",
    "https://127.0.0.1",
    "ftp://127.0.0.1",
    "ws://127.0.0.1",
    "file://127.0.0.1",
    "gopher://127.0.0.1",
    "//127.0.0.1",
    "http://user:word@127.0.0.1",
  ];
  return [...plain, ...tricks.map((start) => `${start}:${port}/`)];
}

const never = (): AbortSignal => new AbortController().signal;
const noFiles = {} as ArtifactStore;

/** The fields that take a URL, each by what fetches it. A callback is a webhook. */
const FIELDS: Readonly<Record<string, (url: string, from: Outbound) => Promise<unknown>>> = {
  webhook: (url, from) =>
    Promise.resolve(
      webhook.run(
        { url, follow_redirects: 5 },
        {
          jobId: "1",
          attempt: 1,
          timeoutMs: 5_000,
          resource: {
            outbound: from,
            destinations: unlimited,
            callbackSecrets: [],
            limits: { concurrency: 100, perSecond: 0 },
          },
          signal: never(),
          progress: () => undefined,
          log: () => undefined,
          onThread: () => Promise.reject(new Error("none")),
        },
      ),
    ),
  image: (url, from) => readImage({ url }, noFiles, from, never()),
  attachment: async (url, from) =>
    fetchFile(url, {
      outbound: from,
      share: await new SendingLimits().take(1, never()),
      shareInUse: 0,
      maxBytes: 1_000_000,
      signal: never(),
    }),
  plain: (url, from) => from.fetch(url, { timeoutMs: 5_000, followRedirects: 5 }),
};

/** What a URL ends with in a field: the code of the error, and never an answer. */
async function endOf(field: string, url: string, from: Outbound): Promise<string> {
  try {
    await FIELDS[field]?.(url, from);
    return `${field} has an answer of ${url}`;
  } catch (error) {
    const { code = String(error) } = error as { code?: string };
    return code === "target_refused" ? code : `${code} of ${field} ${url}: ${(error as Error).message}`;
  }
}

describe("no connection is made", () => {
  it.each(Object.keys(FIELDS))("to this machine, in any spelling, by the URL of a %s", async (field) => {
    const urls = targets();
    expect(urls.length).toBeGreaterThan(133);
    const ends = await Promise.all(urls.map((url) => endOf(field, url, outbound)));
    expect([ends.filter((end) => end.includes(" has an answer of ")), connections]).toEqual([[], 0]);
    // what is no URL is refused before it is a job; and a resolver that gives no answer may be asked for some names
    expect(ends.filter((end) => end !== "target_refused" && !/ETIMEOUT|^ERR_INVALID_URL/.test(end))).toEqual([]);
  });

  it("where a redirect leads to, in any spelling", async () => {
    const peer = await HttpPeer.start();
    // the peer alone may be reached: by its network, which opens nothing else
    const toPeer = openOutbound({ OUTBOUND_ALLOW_PRIVATE: "127.0.0.1/32" });
    const elsewhere = SPELLINGS.filter(
      (host) =>
        /^[!-~]+$/.test(host) &&
        URL.canParse(`http://${host}/`) &&
        !["127.0.0.1", "localhost", "a.localhost"].includes(new URL(`http://${host}/`).hostname.replace(/\.$/, "")),
    );
    const locations = elsewhere.flatMap((host) => [`http://${host}:${port}/`, `//${host}:${port}/`]);
    expect(locations.length).toBeGreaterThan(28);
    peer.respond(({ path }) =>
      redirect(locations[Number(path.slice(1).split("-")[0])] ?? "", Number(path.split("-")[1])),
    );
    const ends = await Promise.all(
      locations.map((_, n) =>
        endOf(Object.keys(FIELDS)[n % 4] ?? "", peer.url(`/${n}-${[301, 302, 303, 307, 308][n % 5]}`), toPeer),
      ),
    );
    expect([ends.filter((end) => end !== "target_refused"), connections]).toEqual([[], 0]);
    await toPeer.close();
    await peer.close();
  });

  const hostile: readonly (readonly string[])[] = [
    ...[
      ["127.0.0.1"],
      ["::1"],
      ["0.0.0.0"],
      ["::"],
      ["169.254.169.254"],
      ["10.0.0.1", "192.168.0.1"],
      ["::ffff:127.0.0.1"],
      ["::ffff:7f00:1"],
      ["64:ff9b::7f00:1"],
      ["64:ff9b:1::7f00:1"],
    ],
    ...[
      ["2002:7f00:1::"],
      ["2001:0:7f00:1::"],
      ["fe80::1%lo"],
      ["fe80::1"],
      ["fc00::1", "fd00:ec2::254"],
      ["100.64.0.1"],
      ["::7f00:1"],
      ["255.255.255.255"],
      ["224.0.0.1"],
      [],
    ],
  ];
  it.each(hostile)("where a name server answers %s %s", async (...addresses) => {
    const resolve: Resolve = (_name, found) =>
      found(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    const guarded = openOutbound({ OUTBOUND_ALLOW_PRIVATE: false }, resolve);
    expect([await endOf("webhook", `http://rebound.example:${port}/`, guarded), connections]).toEqual([
      "target_refused",
      0,
    ]);
    await guarded.close();
  });
});
