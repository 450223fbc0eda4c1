/**
 * Many connections that send nothing, or only the beginning of a request. The replica must serve other callers as
 * before.
 */
import { readFileSync } from "node:fs";
import type { RawSocket } from "../../src/testing/raw-http.ts";
import { rawSocket } from "../../src/testing/raw-http.ts";
import type { Stage } from "./stage.ts";

const IDLE_SOCKETS = 10_000;
const AT_ONCE = 100;
/** The other open file descriptors of the harness and of the replica. */
const OTHER_FILES = 500;
const LONGEST_DELAY_MS = 50;

/** Opens the connections, waits for the length of the fault, and reads the replica's event-loop delay for that time. */
export async function crowd(stage: Stage, port: number): Promise<void> {
  const wanted = stage.isFast ? IDLE_SOCKETS / 10 : IDLE_SOCKETS;
  const count = Math.min(wanted, openFilesLimit() - OTHER_FILES);
  if (count < wanted)
    stage.notes.push(
      `this machine lets a process open ${openFilesLimit()} files: ${count} idle sockets, not ${wanted} (ulimit -n)`,
    );
  const sockets: RawSocket[] = [];
  try {
    for (let made = 0; made < count; made += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, (_, i) =>
        rawSocket(port, i % 2 === 0 ? "" : "POST /api/v1/jobs HTTP/1.1\r\nHost:"),
      );
      sockets.push(...(await Promise.all(some)));
    }
    await watch(stage, count, () => sockets.filter(({ socket }) => !socket.closed).length);
  } finally {
    for (const { socket } of sockets) socket.destroy();
  }
  await stage.measureRecovery();
}

async function watch(stage: Stage, count: number, openNow: () => number): Promise<void> {
  await eventLoopDelayMs(stage); // discards the delays until now: reading resets the histogram
  const from = performance.now();
  const stillOpen = openNow();
  await stage.measureRecovery();
  await stage.wait(stage.seconds * 1_000);
  const p95 = stage.ledger.p95Ms(from, performance.now());
  const { p99, max } = await eventLoopDelayMs(stage);
  stage.notes.push(
    `${count} idle sockets, ${stillOpen} of them open at the start: submit p95 ${Math.round(p95)} ms, event loop delay p99 ${Math.round(p99)} ms, at most ${Math.round(max)} ms`,
  );
  // In the test command, other test files also use the cores.
  stage.expect({
    isSo: p99 < (stage.isFast ? 4 : 1) * LONGEST_DELAY_MS,
    otherwise: `the event loop was blocked for ${Math.round(p99)} ms`,
  });
}

/** Event-loop delay of the first replica since the last read, from its metrics. */
async function eventLoopDelayMs({ cluster }: Stage): Promise<{ readonly p99: number; readonly max: number }> {
  const metrics = await (await fetch(`${cluster.replica(0).url}/metrics`)).text();
  const read = (quantile: string): number =>
    1_000 *
    Number(
      new RegExp(`^taskflow_event_loop_delay_seconds\\{quantile="${quantile}"\\} (\\S+)$`, "m").exec(metrics)?.[1] ??
        Infinity,
    );
  return { p99: read("0.99"), max: read("1") };
}

/** Node raises its soft limit to the hard limit. */
function openFilesLimit(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "";
  return limit === "unlimited" ? Infinity : Number(limit);
}
