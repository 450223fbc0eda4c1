/**
 * The proxy configurations of docs/operations/proxies.md: each keeps its promises, and pooled connections lose no
 * request.
 */
import { createHash } from "node:crypto";
import { Agent, request as ask } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../embedded/free-port.ts";
import { request } from "../../testing/api-server.ts";
import { installation } from "../../testing/installation.ts";
import type { Program } from "../../testing/process.ts";
import type { RunningProxy } from "../../testing/proxies.ts";
import { proxyConfigs, startProxy } from "../../testing/proxies.ts";

const KEY = "tf_a-key-of-this-test";
const AUTHORIZED = { authorization: `bearer ${KEY}`, "content-type": "Application/JSON" };
const JOB = JSON.stringify({ type: "noop", payload: {} });
/** The connections of the pooling client, the POSTs on each, and the longest pause between two. */
const CONNECTIONS = Number(process.env.POOL_CONNECTIONS ?? 2_000);
const POSTS = Number(process.env.POOL_POSTS ?? 50);
const MAX_GAP_MS = 15_000;

let program: Program;
let ports: { readonly server: number; readonly proxies: number };
const running: RunningProxy[] = [];
beforeAll(async () => {
  const proxies = await freePort();
  const hash = createHash("sha256").update(KEY).digest("hex");
  program = (await installation()).start({
    PROXY_ADDR: `127.0.0.1:${proxies}`,
    TASKFLOW_API_KEYS: `test:submit+read:${hash}`,
    LOG_LEVEL: "warn",
  });
  await program.ready();
  ports = { server: Number(new URL(program.url).port), proxies };
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((proxy) => proxy.close()));
});
afterAll(() => program.close());

async function start(config: Parameters<typeof startProxy>[0]): Promise<RunningProxy> {
  const proxy = await startProxy(config, ports);
  running.push(proxy);
  return proxy;
}

it("the page has configurations of nginx and HAProxy for both ports", () => {
  expect(proxyConfigs().map(({ name }) => name)).toEqual([
    ...[
      "1: nginx at PROXY_ADDR",
      "2: nginx at PROXY_ADDR",
      "3: nginx at SERVER_ADDR",
      "4: nginx at PROXY_ADDR, below /taskflow",
    ],
    ...["5: haproxy at PROXY_ADDR", "6: haproxy at SERVER_ADDR"],
  ]);
});

describe.each(proxyConfigs())("$name", (config) => {
  it("passes on jobs, waits, event streams, pages and problems", async () => {
    const { url, output } = await start(config);
    const answer = await request({ url }, "POST", "/api/v1/jobs?wait=30", JOB, AUTHORIZED);
    expect(answer).toMatchObject({ status: 200, body: { status: "completed" } });
    const path = `/api/v1/jobs/${String(answer.body.id)}`;
    expect((await request({ url }, "GET", path, undefined, AUTHORIZED)).body).toMatchObject({ status: "completed" });
    expect((await request({ url }, "GET", `${path}/events`, undefined, AUTHORIZED)).text).toContain("data: ");
    expect(await request({ url }, "GET", "/api/v1/jobs")).toMatchObject({ status: 401, body: { code: "key_missing" } });
    expect((await request({ url }, "HEAD", "/docs")).status).toBe(200);
    expect((await request({ url }, "GET", "/docs/start.js")).status).toBe(200);
    expect(output()).not.toMatch(/error|DOWN/i);
  });
});

it("on the second port, a connection serves a POST after it was idle for longer than the first port allows", {
  timeout: 60_000,
}, async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, keepAliveMsecs: 60_000 });
  const post = (): Promise<string> => postTo(`http://127.0.0.1:${ports.proxies}`, agent);
  const first = await post();
  await new Promise((resolve) => void setTimeout(resolve, 14_000));
  expect([first, await post()]).toEqual(["202", "202 on a connection that was used before"]);
  agent.destroy();
});

/** @returns the status, or the error of a request without one */
function postTo(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const call = ask(
      `${url}/api/v1/jobs`,
      { agent, method: "POST", headers: { ...AUTHORIZED, "content-length": JOB.length } },
      (answer) => {
        const status = `${String(answer.statusCode)}${call.reusedSocket ? " on a connection that was used before" : ""}`;
        answer.resume().on("end", () => resolve(status));
      },
    );
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message)).end(JOB);
  });
}

it(`of ${CONNECTIONS * POSTS} POSTs by a client that pools connections, with pauses of up to 15 s, through each kind of proxy, none is lost`, {
  timeout: 1_800_000,
}, async () => {
  const accepted = async (): Promise<number> =>
    Number((await request(program, "GET", "/api/v1/stats", undefined, AUTHORIZED)).body.accepted);
  const proxies = await Promise.all(
    proxyConfigs()
      .filter(({ name }) => /^[135]/.test(name))
      .map(start),
  );
  const before = await accepted();
  const outcomes = new Map<string, number>();
  const clients = Array.from({ length: CONNECTIONS }, async (_, number) => {
    const { url } = proxies[number % proxies.length] as RunningProxy;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let post = 0; post < POSTS; post += 1) {
      await new Promise((resolve) => void setTimeout(resolve, Math.random() * MAX_GAP_MS));
      const outcome = await postTo(url, agent);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    agent.destroy();
  });
  await Promise.all(clients);
  const total = CONNECTIONS * POSTS;
  process.stderr.write(`POSTs through proxies by outcome: ${JSON.stringify(Object.fromEntries(outcomes))}\n`);
  expect([...outcomes.keys()].filter((outcome) => !outcome.startsWith("202"))).toEqual([]);
  expect((await accepted()) - before).toBe(total);
});
