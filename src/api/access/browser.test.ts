import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { startBrowser } from "../../testing/browser.ts";

/** A page of another site, open in a browser on this machine, tries all attacks that pages can make. */
const SECRET = "the text of a job";

/** Sends every kind of request that a page can send, and resolves to the answers that it could read. */
const ATTACK = `async (target) => {
  const read = [];
  const job = JSON.stringify({ type: "note", payload: { text: "from a page" } });
  const tried = async (url, options) => {
    try { read.push(await (await fetch(target + url, options)).text()); } catch {}
  };
  for (const mode of ["cors", "no-cors", "same-origin"]) {
    await tried("/api/v1/jobs", { mode });
    await tried("/api/v1/jobs", { mode, credentials: "include", referrerPolicy: "no-referrer" });
    await tried("/api/v1/queues/note/pause", { mode, method: "POST" });
    await tried("/api/v1/queues/note/pause", { mode, method: "POST", body: "x" });
    await tried("/api/v1/jobs", { mode, method: "POST", body: job, headers: { "content-type": "text/plain" } });
    await tried("/api/v1/jobs", { mode, method: "POST", body: new Blob([job], { type: "application/json" }) });
  }
  await tried("/api/v1/jobs", { method: "POST", body: job, headers: { "content-type": "application/json", "x-requested-with": "a page" } });
  await tried("/api/v1/jobs/00000000-0000-7000-8000-000000000000", { method: "DELETE" });
  navigator.sendBeacon(target + "/api/v1/queues/note/pause", "x");
  const settled = (element, ...names) => new Promise((done) => { for (const name of names) element["on" + name] = done; });
  const framed = async (fill) => {
    const frame = document.createElement("iframe");
    frame.name = "frame-" + Math.random();
    document.body.append(frame);
    const loaded = settled(frame, "load");
    fill(frame);
    await loaded;
    try { read.push(frame.contentDocument.documentElement.textContent); } catch {}
  };
  await framed((frame) => { frame.src = target + "/api/v1/jobs"; });
  for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
    await framed((frame) => {
      const form = Object.assign(document.createElement("form"), { method: "POST", action: target + "/api/v1/queues/note/pause", enctype, target: frame.name });
      document.body.append(form);
      form.submit();
    });
  }
  const image = new Image();
  const drawn = settled(image, "load", "error");
  image.src = target + "/api/v1/jobs";
  const script = document.createElement("script");
  const run = settled(script, "load", "error");
  script.src = target + "/api/v1/openapi.json";
  document.body.append(script);
  const events = new EventSource(target + "/api/v1/events");
  events.onmessage = ({ data }) => read.push(data);
  const socket = new WebSocket(target.replace("http", "ws") + "/api/v1/events");
  const opened = (source) => new Promise((done) => { source.onopen = () => { read.push("opened"); done(); }; source.onerror = done; });
  await Promise.all([drawn, run, opened(events), opened(socket)]);
  events.close();
  return read;
}`;

let browser: Browser;
const attacker = createServer((_request, response) =>
  response.setHeader("content-type", "text/html").end("<!doctype html><title>A page of another site</title>"),
);
let attackerPort = 0;
const servers: Record<string, ApiServer> = {};
beforeAll(async () => {
  await new Promise<void>((resolve) => attacker.listen(0, resolve));
  attackerPort = (attacker.address() as AddressInfo).port;
  servers["protected mode"] = await startApiServer();
  servers["TASKFLOW_AUTH=none"] = await startApiServer({
    settings: { isOpenToAll: true, publicUrl: "https://jobs.example.com" },
  });
  servers["no check of Host"] = await startApiServer({ settings: { isOpenToAll: true, allowedHosts: ["*"] } });
  for (const server of Object.values(servers))
    await request(server, "POST", "/api/v1/jobs", { type: "note", payload: { text: SECRET } });
  browser = await startBrowser({ names: ["evil.test", "*.evil.test"] });
});
afterAll(async () => {
  await browser.close();
  attacker.close();
  attacker.closeAllConnections();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

interface Attacked {
  /** The answers that the page could read. */
  readonly read: string;
  /** The statuses of the server's answers, as the browser got them. */
  readonly statuses: ReadonlySet<number>;
}

/** Opens a page, which then attacks `target`. */
async function attackFrom(page: Page, url: string, target: string): Promise<Attacked> {
  const statuses = new Set<number>();
  await page.goto(url);
  page.on("response", (response) => {
    if (response.url().startsWith(`${target}/`)) statuses.add(response.status());
  });
  const read = await page.evaluate<string[]>(`(${ATTACK})(${JSON.stringify(target)})`);
  return { read: read.join("\n"), statuses };
}

/** A name that resolves to the server: the page itself comes from elsewhere, its requests go to the server. */
async function rebound(page: Page, server: ApiServer, host: string): Promise<Attacked> {
  const origin = `http://${host}:${server.port}`;
  await page.route(`${origin}/page`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Rebound</title>" }),
  );
  return attackFrom(page, `${origin}/page`, origin);
}

const stateOf = async ({ queue }: ApiServer): Promise<unknown> => {
  const { paused, accepted } = await queue.jobCounts();
  return { paused: [...paused], accepted };
};
const UNTOUCHED = { paused: [], accepted: 1 };

describe.each(["protected mode", "TASKFLOW_AUTH=none"])("a page of another site, in %s", (mode) => {
  const serverOf = (): ApiServer => servers[mode] as ApiServer;
  const inPage = async <T>(use: (page: Page) => Promise<T>): Promise<T> => {
    const page = await browser.newPage();
    try {
      return await use(page);
    } finally {
      await page.close();
    }
  };

  it.each(["evil.test", "127.0.0.1.evil.test"])(
    "whose name %s resolves to the server reads and changes nothing",
    async (host) => {
      const { read, statuses } = await inPage((page) => rebound(page, serverOf(), host));
      expect(read).not.toContain(SECRET);
      expect(read).toContain("host_not_allowed");
      expect([...statuses]).toEqual([403]);
      expect(await stateOf(serverOf())).toEqual(UNTOUCHED);
    },
  );

  it.each([
    ["of another site", "evil.test", "127.0.0.1"],
    ["of another site", "evil.test", "localhost"],
    ["of another port", "127.0.0.1", "127.0.0.1"],
    ["of another port", "localhost", "localhost"],
    ["of a name below localhost", "evil.localhost", "localhost"],
    ["of the other name of this machine", "127.0.0.1", "localhost"],
  ])("%s (%s) reads and changes nothing on %s", async (_what, from, to) => {
    const { port } = serverOf();
    const { read, statuses } = await inPage((page) =>
      attackFrom(page, `http://${from}:${attackerPort}/`, `http://${to}:${port}`),
    );
    expect(read.replaceAll("\n", "")).toBe("");
    expect([...statuses]).toEqual([403]);
    expect(await stateOf(serverOf())).toEqual(UNTOUCHED);
  });

  it.each(["pause", "resume"])("cannot %s a queue with a form that replaces the window", async (act) => {
    const { port } = serverOf();
    const status = await inPage(async (page) => {
      await page.goto(`http://evil.test:${attackerPort}/`);
      const answered = page.waitForResponse((response) => response.url().endsWith(`/${act}`));
      await page.evaluate(`{
        const form = Object.assign(document.createElement("form"), { method: "POST", action: "http://127.0.0.1:${port}/api/v1/queues/note/${act}" });
        document.body.append(form);
        form.submit();
      }`);
      return (await answered).status();
    });
    expect(status).toBe(403);
    expect(await stateOf(serverOf())).toEqual(UNTOUCHED);
  });

  it("cannot act from a sandboxed frame, which has no origin", async () => {
    const { port } = serverOf();
    const status = await inPage(async (page) => {
      const answered = page.waitForResponse((response) => response.url().endsWith("/pause"));
      await page.goto(`http://evil.test:${attackerPort}/`);
      await page.evaluate(`document.body.append(Object.assign(document.createElement("iframe"), { sandbox: "allow-scripts",
        srcdoc: "<script>fetch('http://localhost:${port}/api/v1/queues/note/pause', { method: 'POST', mode: 'no-cors' })<\\/script>" }))`);
      return (await answered).status();
    });
    expect(status).toBe(403);
    expect(await stateOf(serverOf())).toEqual(UNTOUCHED);
  });
});

describe("control: the same attacks", () => {
  it("succeed from a name that resolves to the server, if the check of Host is off", async () => {
    const page = await browser.newPage();
    const { read } = await rebound(page, servers["no check of Host"] as ApiServer, "evil.test");
    await page.close();
    expect(read).toContain(SECRET);
    expect(await stateOf(servers["no check of Host"] as ApiServer)).toMatchObject({ paused: ["note"] });
  });

  it.each(["protected mode", "TASKFLOW_AUTH=none"])("succeed from the server's own page, in %s", async (mode) => {
    const server = servers[mode] as ApiServer;
    const page = await browser.newPage();
    await page.goto(`http://localhost:${server.port}/docs`);
    const submitted = await page.evaluate<number>(
      `fetch("/api/v1/jobs", { method: "POST", body: '{"type":"note","payload":{"text":"own"}}', headers: { "content-type": "application/json" } }).then(({ status }) => status)`,
    );
    const read = await page.evaluate<string>(`fetch("/api/v1/jobs").then((answer) => answer.text())`);
    await page.close();
    expect(submitted).toBe(202);
    expect(read).toContain(SECRET);
  });
});
