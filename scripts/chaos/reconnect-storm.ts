/**
 * All browsers that follow jobs reconnect simultaneously, as after the drain of another replica, each with the last
 * event that it received.
 */
import { EventStream } from "../../src/testing/event-stream.ts";
import { until } from "../../src/testing/until.ts";
import type { CallerRequest } from "./caller.ts";
import { Caller } from "./caller.ts";
import { cancelAll, submitBatch } from "./client.ts";
import { besideOthers } from "./neighbours.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const MIB = 1024 * 1024;
/** Streams of one waiting job, and of all jobs, of which a replica serves 100. */
const STREAMS = { full: { ofOne: 600, ofAll: 100 }, fast: { ofOne: 200, ofAll: 30 } };
/** Changes of the last minute, which all streams have missed. */
const MISSED_JOBS = { full: 30_000, fast: 4_000 };
const BATCH = 2_000;
/** EventSource reconnects 2 s after a connection ended: the streams' `retry`. */
const HOLD_MS = 2_000;
/** The history is bounded: 4,000 entries of some 5 KB. */
const HISTORY_BYTES = 24 * MIB;

export const reconnectStorm: Scenario = {
  name: "reconnect-storm",
  fault: "700 event streams reconnect at once with Last-Event-ID, every 2 s",
  seconds: { full: 20, fast: 4 },
  run: (stage) => {
    let lastEventId = "";
    const prepare = async (): Promise<void> => {
      lastEventId = await missMuch(stage, stage.cluster.replica(0).url);
    };
    return besideOthers(stage, { dataBytes: HISTORY_BYTES, prepare, during: () => storm(stage, lastEventId) });
  },
};

async function storm(stage: Stage, lastEventId: string): Promise<undefined> {
  const urls = stage.cluster.alive.map(({ url }) => url);
  const waiting = await stage.submitSurely({ type: "noop", payload: {}, delay_ms: 3_600_000 });
  const headers = { "last-event-id": lastEventId };
  const ofOne: CallerRequest = { method: "GET", path: `/api/v1/jobs/${waiting.id ?? ""}/events`, headers };
  const ofAll: CallerRequest = { method: "GET", path: "/api/v1/events?status=failed", headers };
  const streams = STREAMS[stage.pace];
  const callers = [
    new Caller({ urls, requests: [ofOne], atOnce: streams.ofOne, holdMs: HOLD_MS }),
    new Caller({ urls, requests: [ofAll], atOnce: streams.ofAll, holdMs: HOLD_MS }),
  ] as const;
  await stage.wait(stage.seconds * 1_000);
  await Promise.all(callers.map((caller) => caller.stop()));
  stage.notes.push(`streams of one job: ${callers[0].text}`, `streams of all jobs: ${callers[1].text}`);
  for (const { statuses } of callers)
    stage.expect({ isSo: (statuses["200"] ?? 0) > 0, otherwise: "no stream was answered with 200" });
  await cancelAll(urls[0] ?? "", [waiting]);
  return undefined;
}

/** Follows all jobs for one event, then submits many. @returns the id of that event */
async function missMuch(stage: Stage, url: string): Promise<string> {
  const { ledger } = stage;
  const stream = await EventStream.open(`${url}/api/v1/events?status=queued`);
  // Redis stores the history only while a client follows all jobs.
  const other = await EventStream.open(`${url}/api/v1/events?type=email&status=failed`);
  await stage.submitSurely({ type: "noop", payload: {}, delay_ms: 100 });
  const { id } = await until(() => stream.events.find((event) => event.id !== ""), {
    what: "the stream of all jobs has an event",
  });
  await stream.close();
  for (let missed = 0; missed < MISSED_JOBS[stage.pace]; missed += BATCH) {
    await submitBatch(
      url,
      ledger,
      Array.from({ length: BATCH }, () => ({ type: "noop", payload: {} })),
    );
  }
  await stage.setSizesWhen("the missed jobs have run", ({ ready }) => ready < 50);
  await other.close();
  return id;
}
