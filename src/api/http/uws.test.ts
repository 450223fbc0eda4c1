import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StartError } from "../../errors.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { request, startApiServer } from "../../testing/api-server.ts";
import { rawAnswer, rawSocket } from "../../testing/raw-http.ts";
import { until } from "../../testing/until.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

const GOOD = JSON.stringify({ type: "note", payload: { text: "good" } });
function post(body: string, headers = `Content-Length: ${Buffer.byteLength(body)}\r\n`): string {
  return `POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n${body}`;
}

describe("protected mode", () => {
  it.each(["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1"])(
    "denies requests that a proxy passes on: %s",
    async (header) => {
      const answer = await rawAnswer(server.port, post(GOOD, `Content-Length: ${GOOD.length}\r\n${header}\r\n`));
      expect(answer.status).toBe(403);
      expect(answer.text).toContain("TASKFLOW_AUTH=none");
      expect(
        (await rawAnswer(server.port, `GET /api/v1/health/live HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`)).status,
      ).toBe(200);
      expect((await rawAnswer(server.port, `GET /metrics HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`)).status).toBe(200);
    },
  );

  it("serves everyone with TASKFLOW_AUTH=none", async () => {
    const open = await startApiServer({ settings: { isOpenToAll: true } });
    expect(
      (await rawAnswer(open.port, post(GOOD, `Content-Length: ${GOOD.length}\r\nForwarded: for=192.0.2.1\r\n`))).status,
    ).toBe(202);
    await open.close();
  });

  it("serves only this machine, on any listening address", async () => {
    const everywhere = await startApiServer({ host: "" });
    expect((await rawAnswer(everywhere.port, post(GOOD))).status).toBe(202);
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.internal === false && address.family === "IPv4");
    if (outside) {
      const answer = await request({ url: `http://${outside.address}:${everywhere.port}` }, "GET", "/api/v1/stats");
      expect(answer).toMatchObject({ status: 403, body: { code: "protected_mode" } });
    }
    await everywhere.close();
  });
});

describe("the server", () => {
  it("reports in one sentence that its port is in use", async () => {
    const other = await startApiServer();
    const listening = other.server.listen("127.0.0.1", server.port);
    await expect(listening).rejects.toThrow(StartError);
    await expect(listening).rejects.toThrow(`SERVER_ADDR: cannot listen on 127.0.0.1:${server.port}`);
    await other.close();
  });

  it("of role worker serves health and metrics only", async () => {
    const worker = await startApiServer({ settings: { role: "worker" } });
    expect((await request(worker, "GET", "/metrics")).status).toBe(200);
    expect((await request(worker, "GET", "/api/v1/health/ready")).status).toBe(200);
    expect((await request(worker, "POST", "/api/v1/jobs", GOOD)).status).toBe(404);
    await worker.close();
  });

  it("answers open requests before it closes", async () => {
    const closing = await startApiServer();
    const raw = await rawSocket(closing.port, post(GOOD.slice(0, 10), `Content-Length: ${GOOD.length}\r\n`));
    await until(async () => /taskflow_http_seconds_count/.test((await request(closing, "GET", "/metrics")).text), {
      what: "the requests have begun",
    });
    const closed = closing.close();
    raw.socket.write(GOOD.slice(10));
    expect(await raw.until(/finished_at|draining/)).toMatch(/^HTTP\/1\.1 (?:202|503) /);
    await closed;
    await raw.closed();
  });

  it("answers 500 without details of the error, and logs it once", async () => {
    const broken = await startApiServer({
      deps: {
        parseLarge: () => Promise.reject(new Error("the thread died")),
        artifacts: { removeJob: () => Promise.resolve(), open: () => Promise.reject(new Error("the disk died")) },
      },
    });
    const large = await request(broken, "POST", "/api/v1/jobs", {
      type: "note",
      payload: { text: "x".repeat(300_000) },
    });
    const { body } = await request(broken, "POST", "/api/v1/jobs", GOOD);
    await broken.finishNext(`{"artifact":"a.txt"}`);
    const download = await request(broken, "GET", `/api/v1/jobs/${String(body.id)}/artifacts/a.txt`);
    for (const answer of [large, download]) {
      expect(answer).toMatchObject({ status: 500, body: { code: "internal_error" } });
      expect(answer.text).not.toContain("died");
    }
    expect(broken.logged).toHaveLength(2);
    await broken.close();
  });
});
