import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer } from "../../testing/api-server.ts";

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server.close());

interface Answered {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly localPort: number | undefined;
}

function ask(
  agent: Agent,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${server.url}${path}`, { agent, method, headers }, (response) => {
      const {
        statusCode,
        headers: { connection },
        socket: { localPort },
      } = response;
      void text(response).then(() => resolve({ status: statusCode, connection, localPort }), reject);
    });
    request.on("error", reject);
    request.end();
  });
}

it.each(["/api/v1/health/live", "/api/v1/jobs", "/docs", "/api/v1/openapi.json", "/nowhere"])(
  "a connection is used again after HEAD and GET of %s",
  async (path) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers: Answered[] = [];
    for (const method of ["HEAD", "GET", "HEAD", "HEAD", "GET"]) answers.push(await ask(agent, method, path));
    expect(new Set(answers.map(({ localPort }) => localPort)).size).toBe(1);
    expect(new Set(answers.map(({ status }) => status)).size).toBe(1);
    agent.destroy();
  },
);

it("an answer has Connection: close if the client asks for it", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const method of ["GET", "HEAD"]) {
    expect(await ask(agent, method, "/api/v1/health/live", { connection: "close" })).toMatchObject({
      status: 200,
      connection: "close",
    });
    expect((await ask(agent, "GET", "/api/v1/health/live")).status).toBe(200);
  }
  agent.destroy();
});

it.each([" : x", ": x", ":", ":x:y"])(
  "no request behind a header without a name (%j), which hides the length of the body, is served",
  async (line) => {
    const { port } = new URL(server.url);
    const hidden = "POST /api/v1/queues/email/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    const socket = connect(Number(port), "127.0.0.1");
    socket.end(
      `POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${line}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    );
    const answer = await text(socket).catch(() => "");
    expect(answer).not.toContain("HTTP/1.1 200");
    expect(await (await fetch(`${server.url}/api/v1/queues`)).text()).not.toContain('"paused":true');
  },
);
