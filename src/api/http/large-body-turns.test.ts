/** Tests the turns of large bodies, and bodies whose client has disconnected. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { idOfHash } from "../../core/api-key.ts";
import type { BodyTask, ParsedBody } from "../../core/body.ts";
import { parseBody, tooComplex } from "../../core/body.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer, testRegistry } from "../../testing/api-server.ts";
import { until } from "../../testing/until.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

interface Parsing {
  readonly name: string;
  readonly end: (parsed?: ParsedBody) => void;
}

/** Bodies in the order in which their parsing began. The test decides when each continues. */
const begun: Parsing[] = [];
let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace(
    ["a", "b"].map((name) => {
      const hash = createHash("sha256").update(name).digest("hex");
      return { id: idOfHash(hash), name, hash, scopes: ["submit"] as const };
    }),
    { isNeeded: true },
  );
  const parseLarge = (task: BodyTask) =>
    new Promise<ParsedBody>((resolve) => {
      const name = /"text":"(\w+) /.exec(Buffer.from(task.bytes).toString())?.[1] ?? "";
      begun.push({ name, end: (parsed = parseBody(task, testRegistry.get)) => resolve(parsed) });
    });
  server = await startApiServer({ deps: { apiKeyCache, parseLarge } });
});
afterAll(() => server.close());

const submit = (key: string, name: string, signal?: AbortSignal) =>
  fetch(`${server.url}/api/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ type: "note", payload: { text: `${name} ${"x".repeat(300_000)}` } }),
    ...(signal && { signal }),
  });
const names = () => begun.map(({ name }) => name);

it("parses the callers' bodies in turn, and drops those of disconnected clients", async () => {
  const read = vi.spyOn(server.queue.ids, "next"); // called for each request whose body has arrived
  const hasRead = (count: number) =>
    until(() => read.mock.calls.length === count, { what: `${count} bodies have arrived` });
  const gone = new AbortController();
  const answers = ["a1", "a2"].map((name) => submit("a", name));
  await until(() => begun.length === 1, { what: "a body is parsed" });
  await hasRead(2);
  const dropped = submit("a", "gone", gone.signal);
  await hasRead(3);
  answers.push(...["a3", "a4", "a5"].map((name) => submit("a", name)));
  await hasRead(6);
  answers.push(submit("b", "b1"));
  await hasRead(7);
  gone.abort();
  await expect(dropped).rejects.toThrow();
  await until(async () => (await server.metrics.text()).includes('status="499"'), {
    what: "the server has noticed the disconnect",
  });
  for (let at = 0; at < 6; at++) {
    await until(() => begun.length > at, { what: `body ${at} is parsed, after ${names().join()}` });
    begun[at]?.end(at === 0 ? tooComplex() : undefined);
  }
  const ended = await Promise.all(answers);
  expect(ended.map(({ status }) => status).sort()).toEqual([202, 202, 202, 202, 202, 422]);
  expect(await ended.find(({ status }) => status === 422)?.json()).toMatchObject({ code: "body_too_complex" });
  expect(names()[0]).toMatch(/^a[12]$/);
  expect(names()[1]).toBe("b1"); // only the body whose parsing had already begun was parsed before it
  expect(names()).not.toContain("gone");
});

it("accepts large bodies one after the other for any total size", async () => {
  const MIB = 1024 * 1024;
  const small = await startApiServer({ settings: { maxBufferedBytes: 4 * MIB } });
  const body = JSON.stringify({ type: "note", payload: { text: "x".repeat(1.5 * MIB) } });
  const statuses: number[] = [];
  for (let sent = 0; sent < 6; sent++) {
    const { status } = await fetch(`${small.url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    statuses.push(status);
  }
  expect(statuses).toEqual([202, 202, 202, 202, 202, 202]);
  await small.close();
});
