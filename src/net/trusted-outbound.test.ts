import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StartError } from "../errors.ts";
import { answer, HttpPeer } from "../testing/http-peer.ts";
import { type Outbound, openTrustedOutbound } from "./outbound.ts";

const closers: (() => Promise<unknown>)[] = [];
let peer: HttpPeer;
beforeEach(async () => {
  peer = await HttpPeer.start();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await peer.close();
});

function open(...args: Parameters<typeof openTrustedOutbound>): Outbound {
  const outbound = openTrustedOutbound(...args);
  closers.push(() => outbound.close());
  return outbound;
}

const rejected = { code: "target_refused" };

describe("the client of a service that the operator trusts", () => {
  it("reaches the service in a private network, whatever the rules for URLs of callers", async () => {
    const outbound = open(peer.url("/v1"), { OUTBOUND_ALLOW_PRIVATE: false, OUTBOUND_PROXY: "http://127.0.0.1:1" });
    expect((await outbound.fetch(peer.url("/v1/send"), { method: "POST", body: "{}" })).status).toBe(200);
    expect(peer.requests.map(({ path }) => path)).toEqual(["/v1/send"]);
  });

  it("reaches nothing else, and follows no redirect elsewhere", async () => {
    const other = await HttpPeer.start();
    closers.push(() => other.close());
    const outbound = open(peer.url());
    await expect(outbound.fetch(other.url())).rejects.toMatchObject(rejected);
    peer.respond(() => answer(307, { location: other.url() }));
    await expect(outbound.fetch(peer.url(), { followRedirects: 1 })).rejects.toMatchObject(rejected);
    expect(other.requests).toEqual([]);
  });

  it("does not reach cloud metadata", async () => {
    const outbound = open("http://169.254.169.254/latest");
    await expect(outbound.fetch("http://169.254.169.254/latest/meta-data")).rejects.toMatchObject(rejected);
  });

  it.each(["sms.example.com", "ftp://sms.example.com", "https://user:secret@sms.example.com"])(
    "is not opened for the URL %s",
    (url) => {
      expect(() => openTrustedOutbound(url)).toThrow(StartError);
    },
  );
});
