/** A host that accepts and never answers, to which callers give as much time as they may, and names that nobody knows. */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { cancelAll } from "./client.ts";
import { besideOthers } from "./neighbours.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** Another host than 127.0.0.1, where the live peer is. */
const DEAD_HOST = "127.0.0.2";
const TIMEOUT_MS = 600_000;
/** Twenty of them for webhooks: a dead host can take all of them within the fault's time. */
const IO_SLOTS = "25";
const DEAD_JOBS = 150;
const UNKNOWN_NAMES = 40;
const MIB = 1024 * 1024;

export const deadHostLongTimeout: Scenario = {
  name: "dead-host-long-timeout",
  fault: "webhooks with a timeout of 10 min to a host that never answers, and to names that do not resolve",
  // The limiter of destinations once forgot a visit after 35 s.
  seconds: { full: 75 },
  env: () => ({ IO_SLOTS }),
  run: async (stage) => {
    const dead = await startDeadHost();
    const probe = JSON.stringify({ type: "webhook", payload: { url: stage.cluster.http.url("/hook/KEY") }, tags: ["KEY"] });
    try {
      return await besideOthers(stage, { probe, dataBytes: MIB, during: () => callDeadHost(stage, dead.port, dead.openNow) });
    } finally {
      await dead.close();
    }
  },
};

async function callDeadHost(stage: Stage, port: number, openNow: () => number): Promise<undefined> {
  const urls = [
    ...Array.from({ length: DEAD_JOBS }, (_, n) => `http://${DEAD_HOST}:${port}/${n}`),
    ...Array.from({ length: UNKNOWN_NAMES }, (_, n) => `http://h${n}.unknown.invalid/`),
  ];
  const entries = [];
  for (const [n, url] of urls.entries()) {
    // The time stands at the top of the submission, in the payload, or in both.
    const payload = { url, ...(n % 3 > 0 && { timeout_ms: TIMEOUT_MS }) };
    entries.push(await stage.submit({ type: "webhook", payload, ...(n % 3 < 2 && { timeout_ms: TIMEOUT_MS }), max_attempts: 1 }));
  }
  let mostOpen = 0;
  for (const until = performance.now() + stage.seconds * 1_000; performance.now() < until; mostOpen = Math.max(mostOpen, openNow())) await stage.wait(500);
  stage.notes.push(`at most ${mostOpen} connections to the host that never answers`);
  stage.expect(mostOpen > 0, "nothing was sent to the host that never answers");
  await cancelAll(stage.cluster.replica(0).url, entries);
  return undefined;
}

async function startDeadHost(): Promise<{ readonly port: number; readonly openNow: () => number; readonly close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, DEAD_HOST);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, openNow: () => sockets.size, close };
}
