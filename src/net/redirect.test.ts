import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answer, HttpPeer, redirect } from "../testing/http-peer.ts";
import { type Outbound, openOutbound } from "./outbound.ts";

let peer: HttpPeer;
let outbound: Outbound;
beforeEach(async () => {
  peer = await HttpPeer.start();
  // names resolve to the metadata service of clouds; the tests address the peers by IP address
  outbound = openOutbound({ OUTBOUND_ALLOW_PRIVATE: true }, (_host, found) =>
    found(null, [{ address: "169.254.169.254", family: 4 }]),
  );
});
afterEach(() => Promise.all([outbound.close(), peer.close()]));

it.each([
  ...[
    "http://169.254.169.254/latest/meta-data/",
    "//2852039166/",
    "http://[::ffff:7f00:1]/",
    "http://metadata.example/",
  ],
  ...["http://user:word@example.com/", "file:///etc/passwd", "http://:0:0/"],
])("is not followed to %s", async (location) => {
  peer.respond(() => redirect(location));
  await expect(outbound.fetch(peer.url(), { followRedirects: 5 })).rejects.toMatchObject({
    name: "TargetRejected",
    code: "target_refused",
  });
});

it("is the response itself if redirects are not followed, or if it has no target", async () => {
  peer.respond(({ path }) => (path === "/nowhere" ? answer(302) : redirect("/other")));
  expect(await outbound.fetch(peer.url())).toMatchObject({ status: 302, headers: { location: "/other" } });
  expect((await outbound.fetch(peer.url("/nowhere"), { followRedirects: 5 })).status).toBe(302);
  expect(peer.requests).toHaveLength(2);
});

it("is followed at most as often as the request allows", async () => {
  peer.respond(({ path }) => (path === "/0" ? answer(200, {}, "there") : redirect(`/${Number(path.slice(1)) - 1}`)));
  expect((await outbound.fetch(peer.url("/5"), { followRedirects: 5 })).body.toString()).toBe("there");
  peer.requests.length = 0;
  await expect(outbound.fetch(peer.url("/30"), { followRedirects: 5 })).rejects.toMatchObject({
    name: "PermanentError",
    code: "too_many_redirects",
  });
  expect(peer.requests.map(({ path }) => path)).toEqual(["/30", "/29", "/28", "/27", "/26", "/25"]);
});

it.each([
  [303, "HEAD"],
  [302, "PUT"],
  [301, "GET"],
  [307, "POST"],
  [308, "POST"],
])("%i repeats a %s with its body and its headers", async (status, method) => {
  peer.respond((_request, number) => (number === 0 ? redirect("/next?a=b", status) : answer(200)));
  const body = method === "PUT" || method === "POST" ? "text" : undefined;
  await outbound.fetch(peer.url(), {
    method,
    body,
    headers: { "Content-Type": "text/plain", Authorization: "Bearer x" },
    followRedirects: 1,
  });
  expect(peer.requests[1]).toMatchObject({
    method,
    path: "/next?a=b",
    headers: { authorization: "Bearer x", "content-type": "text/plain" },
  });
  expect(peer.requests[1]?.body.toString()).toBe(body ?? "");
});

describe.each([
  [301, "POST"],
  [302, "POST"],
  [303, "POST"],
  [303, "PUT"],
  [303, "DELETE"],
])("%i of a %s", (status, method) => {
  const request = { method, body: "text", headers: { "content-type": "text/plain" }, followRedirects: 1 };
  beforeEach(() => peer.respond((_request, number) => (number === 0 ? redirect("/next", status) : answer(200))));

  it("is not followed by a GET without the body", async () => {
    await expect(outbound.fetch(peer.url(), request)).rejects.toMatchObject({
      name: "PermanentError",
      code: "redirect_drops_body",
    });
    expect(peer.requests).toHaveLength(1);
  });

  it("is followed with method and body if the caller asks for that", async () => {
    expect((await outbound.fetch(peer.url(), { ...request, bodyRedirect: "keep" })).status).toBe(200);
    expect(peer.requests[1]).toMatchObject({
      method,
      path: "/next",
      headers: { "content-type": "text/plain" },
      body: Buffer.from("text"),
    });
  });
});

it("carries no credentials to another origin", async () => {
  const other = await HttpPeer.start();
  try {
    peer.respond(() => redirect(other.url(), 307));
    const headers = {
      authorization: "Bearer x",
      Cookie: "a=b",
      "proxy-authorization": "Basic x",
      "X-Api-Key": "k",
      "x-kept": "yes",
      "webhook-signature": "v1,x",
    };
    await outbound.fetch(peer.url(), { headers, followRedirects: 1 });
    const received = Object.keys(other.requests[0]?.headers ?? {});
    expect(received).toEqual(expect.arrayContaining(["x-kept", "webhook-signature"]));
    for (const name of ["authorization", "cookie", "proxy-authorization", "x-api-key"])
      expect(received).not.toContain(name);
  } finally {
    await other.close();
  }
});
