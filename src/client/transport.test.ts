import { afterAll, beforeAll, expect, it } from "vitest";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import { closedPort } from "../testing/replica.ts";
import type { JobEvent, TaskFlowError } from "./taskflow.ts";
import { TaskFlow } from "./taskflow.ts";

let peer: HttpPeer;
let client: TaskFlow;
beforeAll(async () => {
  peer = await HttpPeer.start();
  client = new TaskFlow({ url: peer.url() });
});
afterAll(() => peer.close());

const problem = (status: number, code: string, headers = {}) =>
  answer(
    status,
    { "content-type": "application/problem+json", ...headers },
    JSON.stringify({ status, code, detail: code, id: "x" }),
  );
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as TaskFlowError,
  );

it("fails after the last repetition, and names the job that may exist", async () => {
  const offset = peer.requests.length;
  peer.respond(() => problem(503, "outcome_unknown", { "retry-after": "0" }));
  expect(await failure(new TaskFlow({ url: peer.url(), retries: 1 }).submit("noop", {}))).toMatchObject({
    status: 503,
    code: "outcome_unknown",
    id: "x",
    retryAfterMs: 0,
  });
  expect(peer.requests.length - offset).toBe(2);
  const nobody = new TaskFlow({ url: `http://127.0.0.1:${await closedPort()}`, retries: 0 });
  expect(await failure(nobody.stats())).toMatchObject({ status: 0, code: "unreachable" });
  peer.respond(() => ({ kind: "hang" }));
  expect(await failure(new TaskFlow({ url: peer.url(), retries: 0, timeoutMs: 50 }).stats())).toMatchObject({
    status: 0,
    code: "unreachable",
  });
});

it("repeats an unrepeatable call only if the server states that it changed nothing", async () => {
  let offset = peer.requests.length;
  peer.respond(() => ({ kind: "drop" }));
  expect(await failure(client.replay({ tag: "a" }))).toMatchObject({ code: "unreachable" });
  expect(peer.requests.length - offset).toBe(1);
  offset = peer.requests.length;
  peer.respond((_request, number) =>
    number === 0 ? problem(503, "draining", { "retry-after": "0" }) : answer(202, {}, "{}"),
  );
  expect(await client.replay({ tag: "a" })).toEqual({});
  expect(peer.requests.length - offset).toBe(2);
});

it("the signal aborts the download of a file, the time limit of the call does not", async () => {
  peer.respond(() => ({ kind: "drip", everyMs: 20 }));
  const leave = new AbortController();
  const reason = new Error("enough");
  const file = await new TaskFlow({ url: peer.url(), timeoutMs: 300 }).artifact("id", "name", { signal: leave.signal });
  const since = performance.now();
  const read = async (): Promise<void> => {
    for await (const bytes of file.body ?? []) if (bytes && performance.now() - since > 400) leave.abort(reason);
  };
  expect(await failure(read())).toBe(reason);
});

it("events continue after the last one that was received", async () => {
  const eventText = (n: number, status: string) =>
    `id: ${n}\nevent: status\ndata: ${JSON.stringify({ id: "j", type: "noop", status, progress: null })}\n\n`;
  const offset = peer.requests.length;
  peer.respond((_request, number) =>
    answer(200, {}, number === 0 ? eventText(1, "running") : eventText(2, "completed")),
  );
  const events: JobEvent[] = [];
  for await (const event of client.events({ id: "j" })) events.push(event);
  expect(events.map(({ eventId }) => eventId)).toEqual(["1", "2"]);
  expect(peer.requests[offset + 1]?.headers["last-event-id"]).toBe("1");
});
