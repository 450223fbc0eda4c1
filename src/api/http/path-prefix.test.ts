/** Under the path prefix of a proxy, all links and redirects work, with and without PUBLIC_URL. */

import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import type { CaughtMails } from "../pages/dev-mail.ts";

const mail: CaughtMails = {
  list: () =>
    Promise.resolve([{ id: "1", receivedAtMs: 0, from: "a@example.com", subject: "Hello", to: ["b@example.com"] }]),
  read: (id) =>
    Promise.resolve(
      id === "1"
        ? {
            subject: "Hello",
            html: "<p>Hello",
            text: "Hello",
            headerLines: [],
            attachments: [{ filename: "a", contentType: "text/plain", size: 1, content: Buffer.from("a") }],
          }
        : undefined,
    ),
  source: () => Promise.resolve(Buffer.from("source")),
};

/** Passes `/taskflow/…` on as `/…`, or unchanged. */
async function startProxy(port: number, { isStripping }: { readonly isStripping: boolean }) {
  const proxy = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "";
    if (!path.startsWith("/taskflow/")) {
      outgoing.writeHead(404).end();
      return;
    }
    const passed = forward(
      {
        port,
        host: "127.0.0.1",
        method: incoming.method,
        path: isStripping ? path.slice("/taskflow".length) : path,
        headers: incoming.headers,
        agent: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(outgoing);
      },
    );
    incoming.pipe(passed);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/taskflow`, close: () => void proxy.close() };
}

describe.each([
  { publicUrl: "", isStripping: true },
  { publicUrl: "https://example.com/taskflow/", isStripping: true },
  { publicUrl: "https://example.com/taskflow", isStripping: false },
])("with PUBLIC_URL=$publicUrl, taken off: $isStripping", ({ publicUrl, isStripping }) => {
  let server: ApiServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  beforeAll(async () => {
    server = await startApiServer({ settings: { isOpenToAll: true, publicUrl }, deps: { mail } });
    proxy = await startProxy(server.port, { isStripping });
  });
  afterAll(async () => {
    proxy.close();
    await server.close();
  });

  /** The statuses that a browser gets for the page at a path, and for everything that it loads or links to. */
  async function statusesOfPage(path: string): Promise<Record<string, number>> {
    const page = await fetch(proxy.url + path, { headers: { accept: "text/html" } });
    const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]*)"/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !link.startsWith("data:"));
    const statuses = await Promise.all(
      links.map(async (link) => [link, (await fetch(new URL(link, page.url))).status] as const),
    );
    return Object.fromEntries([[path, page.status], ...statuses]);
  }

  it.each([
    ["/", 4],
    ["/docs", 4],
    ["/docs/", 4],
    ["/dev/mail", 2],
    ["/dev/mail/", 2],
    ["/dev/mail/1", 5],
    ["/dev/mail/1/", 5],
  ])("the page %s and its links are found", async (path, count) => {
    const statuses = await statusesOfPage(path);
    expect(Object.values(statuses)).toEqual(Array<number>(count).fill(200));
  });

  it("the server URL in the OpenAPI document, which /docs calls, is correct", async () => {
    const start = await (await fetch(`${proxy.url}/docs/start.js`)).text();
    const [, relative = ""] = /new URL\("([^"]*)", location/.exec(start) ?? [];
    const document = await fetch(new URL(relative, `${proxy.url}/docs`));
    const { servers } = (await document.json()) as { readonly servers: readonly { readonly url: string }[] };
    const base = new URL(servers[0]?.url ?? "", document.url).href.replace(/\/$/, "");
    expect(base).toBe(proxy.url);
  });

  it("the Location of a job is correct", async () => {
    const answer = await request({ url: proxy.url }, "POST", "/api/v1/jobs", { type: "note", payload: { text: "a" } });
    const location = String(answer.headers.get("location"));
    expect(location).toBe(`${publicUrl === "" ? "" : "/taskflow"}/api/v1/jobs/${String(answer.body.id)}`);
    if (publicUrl !== "") expect((await fetch(new URL(location, proxy.url))).status).toBe(200);
    expect((await request(server, "GET", location)).status).toBe(200); // also by who calls it without the proxy
  });

  it("a path that only begins with the letters of the prefix is not found", async () => {
    expect((await request(server, "GET", "/taskflowed/docs")).status).toBe(404);
    expect((await request(server, "GET", "/taskflow/docs")).status).toBe(publicUrl === "" ? 404 : 200);
  });
});
