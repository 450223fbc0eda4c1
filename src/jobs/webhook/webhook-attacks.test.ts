/**
 * Texts that attempt to break out of a request, in every text field of a webhook, received as raw bytes by a server
 * that does not parse HTTP.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, expect, it } from "vitest";
import { unlimited } from "../../core/destination.ts";
import { type Outbound, openOutbound } from "../../net/outbound.ts";
import webhook from "./webhook.ts";

type Payload = Parameters<typeof webhook.run>[0];

const validator = Compile(webhook.payload);
const requests: string[] = [];
let server: Server;
let outbound: Outbound;
beforeAll(async () => {
  server = createServer((socket) => {
    const at = requests.push("") - 1;
    socket
      .on("error", () => undefined)
      .on("data", (piece) => {
        requests[at] = (requests[at] ?? "") + piece.toString("latin1");
        socket.end("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true });
});
afterAll(async () => {
  await outbound.close();
  server.close();
});

const controls = Array.from({ length: 0xa0 }, (_, code) => code)
  .filter((code) => code < 0x20 || code >= 0x7f)
  .map((code) => String.fromCharCode(code));
const breaks = [
  ...controls,
  "\r\n",
  "\n\n",
  "\r\n\r\n",
  "\r\n ",
  "\n ",
  "\u2028",
  "\u2029",
  "\ud800",
  "嘊嘍",
  "\u010a",
  "\u010d",
  "%0d%0a",
  "\\r\\n",
];
const texts = breaks.flatMap((mark) => [
  `a${mark}X-Evil: 1${mark}${mark}GET /evil HTTP/1.1`,
  `${mark}X-Evil: 1`,
  `a${mark}`,
]);

const FIELDS: Readonly<Record<string, (text: string, origin: string) => object>> = {
  "value of a header": (text, url) => ({ url, headers: { "X-Given": text } }),
  "name of a header": (text, url) => ({ url, headers: { [`X-Given${text}`]: "1" } }),
  "value of user-agent": (text, url) => ({ url, headers: { "User-Agent": text } }),
  "value of content-type": (text, url) => ({ url, headers: { "Content-Type": text }, body: 1 }),
  method: (text, url) => ({ url, method: `POST${text}` }),
  "path of the URL": (text, url) => ({ url: url + text }),
  "query of the URL": (text, url) => ({ url: `${url}?${text}` }),
  "fragment of the URL": (text, url) => ({ url: `${url}#${text}` }),
  "start of the URL": (text, url) => ({ url: text + url }),
  body: (text, url) => ({ url, body: { text } }),
};

const KNOWN =
  /^(?:host|connection|user-agent|content-type|content-length|webhook-id|webhook-timestamp|x-given[!-9;-~]*)$/;

it.each(Object.entries(FIELDS))("%s begins no further header or request", async (_field, fill) => {
  expect(texts.length * Object.keys(FIELDS).length).toBeGreaterThan(128);
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await Promise.all(
    texts.map(async (text) => {
      const payload = fill(text, origin) as Payload;
      if (!validator.Check(payload) || (webhook.check?.(payload) ?? []).length > 0) return;
      const resource = {
        outbound,
        destinations: unlimited,
        callbackSecrets: [],
        limits: { concurrency: 100, perSecond: 0 },
      };
      await webhook.run(payload, {
        jobId: "1",
        attempt: 1,
        timeoutMs: 10_000,
        resource,
        signal: new AbortController().signal,
        progress: () => undefined,
        log: () => undefined,
        onThread: () => Promise.reject(new Error("none")),
      });
    }),
  );
  for (const request of requests.splice(0)) {
    const [head = "", ...rest] = request.split("\r\n\r\n");
    const [line = "", ...headers] = head.split("\r\n");
    expect(line).toMatch(/^POST \/[!-~]* HTTP\/1\.1$/);
    expect(
      headers.map((header) => header.slice(0, header.indexOf(":")).toLowerCase()).filter((name) => !KNOWN.test(name)),
    ).toEqual([]);
    expect([rest.length, head.replaceAll("\r\n", "").match(/[\r\n\0]/)]).toEqual([1, null]);
  }
});

it("rejects headers that frame or sign the message", () => {
  const names =
    "Host Content-Length Connection Keep-Alive Transfer-Encoding TE Trailer Upgrade Expect Proxy-Connection Proxy-Authorization Proxy-Authenticate Webhook-Id Webhook-Signature Webhook-Timestamp Webhook-Anything";
  for (const name of names.split(" ").flatMap((each) => [each, each.toLowerCase(), each.toUpperCase()])) {
    expect(webhook.check?.({ url: "https://a.example/", headers: { [name]: "x" } })).toHaveLength(1);
  }
});
