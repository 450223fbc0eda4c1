/**
 * A host that accepts connections and never answers, with the longest timeout that callers may set, and unknown names.
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { cancelAll } from "./client.ts";
import { besideOthers } from "./neighbours.ts";
import type { Scenario } from "./scenario.ts";
import type { AnySubmission, Stage } from "./stage.ts";

/**
 * Not 127.0.0.1, where the live peer is. The timeout is a field of the submission, and for the second host also of the
 * payload.
 */
const DEAD_HOSTS = ["127.0.0.2", "127.0.0.3"] as const;
const TIMEOUT_MS = 600_000;
/** Twenty slots for webhooks: without a limit, a dead host would occupy all of them within the time of the fault. */
const IO_SLOTS = "25";
/**
 * Concurrent attempts of all replicas to a new host, and two more for paths without any. A host that never answers gets
 * no more attempts.
 */
const MOST_VISITS = 12;
const DEAD_JOBS = 150;
const UNKNOWN_NAMES = 40;
const MIB = 1024 * 1024;

export const deadHostLongTimeout: Scenario = {
  name: "dead-host-long-timeout",
  fault: "webhooks with a timeout of 10 min to a host that never answers, and to names that do not resolve",
  // The destination limiter must count a visit for longer than 35 s, which an earlier version did not.
  seconds: { full: 75 },
  env: () => ({ IO_SLOTS }),
  run: async (stage) => {
    const dead = await startDeadHosts();
    const probe = JSON.stringify({
      type: "webhook",
      payload: { url: stage.cluster.http.url("/hook/KEY") },
      tags: ["KEY"],
    });
    try {
      return await besideOthers(stage, {
        probe,
        dataBytes: MIB,
        during: () => callDeadHosts(stage, dead.port, dead.openNow),
      });
    } finally {
      await dead.close();
    }
  },
};

async function callDeadHosts(stage: Stage, port: number, openNow: () => number[]): Promise<undefined> {
  const [byJob, byPayload] = DEAD_HOSTS;
  const submissions: AnySubmission[] = [
    ...Array.from({ length: DEAD_JOBS }, (_, n) => webhookTo(`http://${byJob}:${port}/${n}`, {})),
    ...Array.from({ length: DEAD_JOBS }, (_, n) =>
      webhookTo(`http://${byPayload}:${port}/${n}`, { timeout_ms: TIMEOUT_MS }),
    ),
    ...Array.from({ length: UNKNOWN_NAMES }, (_, n) => webhookTo(`http://h${n}.unknown.invalid/`, {})),
  ];
  const entries = [];
  for (const submission of submissions) entries.push(await stage.submit(submission));
  const mostOpen = DEAD_HOSTS.map(() => 0);
  const until = performance.now() + stage.seconds * 1_000;
  while (performance.now() < until) {
    await stage.wait(250);
    for (const [host, open] of openNow().entries()) mostOpen[host] = Math.max(mostOpen[host] ?? 0, open);
  }
  stage.notes.push(`at most ${mostOpen.join(" and ")} connections to the hosts that never answer`);
  stage.expect({
    isSo: mostOpen.every((open) => open > 0),
    otherwise: "nothing was sent to a host that never answers",
  });
  const most = Math.max(...mostOpen);
  stage.expect({
    isSo: most <= MOST_VISITS,
    otherwise: `a host that never answers had ${most} connections, more than ${MOST_VISITS}`,
  });
  await cancelAll(stage.cluster.replica(0).url, entries);
  return undefined;
}

function webhookTo(url: string, times: object): AnySubmission {
  return { type: "webhook", payload: { url, ...times }, timeout_ms: TIMEOUT_MS, max_attempts: 1 };
}

/** One server at all addresses of this machine; a connection belongs to the host that its client has called. */
async function startDeadHosts(): Promise<{
  readonly port: number;
  readonly openNow: () => number[];
  readonly close: () => Promise<void>;
}> {
  const sockets = new Map<Socket, string | undefined>();
  const server = createServer((socket) => {
    sockets.set(socket, socket.localAddress);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  const openNow = (): number[] =>
    DEAD_HOSTS.map((host) => [...sockets.values()].filter((address) => address === host).length);
  const close = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets.keys()) socket.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, openNow, close };
}
