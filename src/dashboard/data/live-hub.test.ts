import { afterEach, describe, expect, it } from "vitest";
import type { JobEvent } from "../../client/taskflow.ts";
import { answer, HttpPeer } from "../../testing/http-peer.ts";
import { until } from "../../testing/until.ts";
import { LiveHub } from "./live-hub.ts";

const ID = "01a20b8f-dc59-7000-a0b8-709b0c88f80";
const [ONE, TWO] = [`${ID}1`, `${ID}2`];
const change = (eventId: string, id: string) =>
  `id: ${eventId}\nevent: status\ndata: {"id":"${id}","type":"noop","status":"running","progress":null}\n\n`;
const stream = (body: string) => answer(200, { "content-type": "text/event-stream" }, body);

let peer: HttpPeer;
afterEach(() => peer.close());

/** A page of the hub, and what it has received. */
function pageOf(hub: LiveHub, apiKey: string | undefined) {
  const received: JobEvent[] = [];
  const page = {};
  return {
    received,
    follow: (...ids: string[]) => hub.follow(page, { url: peer.url(), apiKey, ids }, (event) => received.push(event)),
  };
}

const called = () =>
  peer.requests.map(({ path, headers }) => [
    new URL(path, peer.url()).searchParams.get("ids"),
    headers.authorization ?? null,
    headers["last-event-id"] ?? null,
  ]);

describe("the event stream of a browser", () => {
  it("is one for the pages of a user, and another one for another key", async () => {
    peer = await HttpPeer.start();
    peer.respond(({ path }) => (path.includes(ONE) ? stream(change("7", ONE)) : { kind: "hang" }));
    const hub = new LiveHub();
    const [first, second, other] = [pageOf(hub, "key-a"), pageOf(hub, "key-a"), pageOf(hub, "key-b")];
    first.follow(ONE);
    second.follow(TWO);
    other.follow(TWO);
    await until(() => first.received.length > 0 && peer.requests.length > 1, { what: "both streams are open" });
    expect(called().slice(0, 2)).toEqual([
      [`${ONE},${TWO}`, "Bearer key-a", null],
      [TWO, "Bearer key-b", null],
    ]);
    expect(second.received).toEqual(first.received);
    expect(other.received).toEqual([]);
    for (const page of [first, second, other]) page.follow();
  });

  it("continues after its last event when the jobs change", async () => {
    peer = await HttpPeer.start();
    peer.respond((_request, number) => stream(number === 0 ? change("7", ONE) : ""));
    const page = pageOf(new LiveHub(), undefined);
    page.follow(ONE);
    await until(() => page.received.length > 0, { what: "the event is here" });
    page.follow(ONE, TWO);
    await until(() => called().some(([ids]) => ids === `${ONE},${TWO}`), { what: "both jobs are followed" });
    expect(called().at(-1)).toEqual([`${ONE},${TWO}`, null, "7"]);
    page.follow();
  });

  it("tells the pages to read again after a connection failed before its first event", async () => {
    peer = await HttpPeer.start();
    peer.respond((_request, number) => (number === 0 ? { kind: "drop" } : stream("")));
    const page = pageOf(new LiveHub(), undefined);
    page.follow(ONE);
    await until(() => page.received.length > 0, { what: "the gap is reported" });
    expect(page.received).toEqual([{ kind: "gap", eventId: undefined }]);
    page.follow();
  });

  it("tells a page to read again whose jobs were followed before, when another page has other jobs", async () => {
    peer = await HttpPeer.start();
    peer.respond(() => ({ kind: "drip", everyMs: 1_000 }));
    const hub = new LiveHub();
    const [first, second] = [pageOf(hub, undefined), pageOf(hub, undefined)];
    first.follow(ONE);
    await until(() => peer.requests.length > 0, { what: "the first stream is open" });
    second.follow(TWO);
    await until(() => first.received.length > 0, { what: "the gap is reported" });
    expect(second.received).toEqual([]);
    for (const page of [first, second]) page.follow();
  });
});
