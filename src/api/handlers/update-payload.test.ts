/** Who may change the payload of a waiting job: it may contain the credentials of its owner, or act with its power. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { bulkJob } from "../../jobs/bulk/bulk-job.ts";
import { registryOf } from "../../jobs/registry.ts";
import rerun from "../../jobs/replay/replay.ts";
import { callbackId } from "../../queue/ids.ts";
import type { ApiServer } from "../../testing/api-server.ts";
import { startApiServer, testRegistry } from "../../testing/api-server.ts";
import { ask, bearer, KEYS, OTHERS } from "../../testing/owned-jobs.ts";
import { enqueueRaw, submission } from "../../testing/queue.ts";
import { ApiKeyCache } from "../access/api-key-cache.ts";

const FAR = 3_600_000;
const HOOK = { url: "https://example.org/hook", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
const ELSEWHERE = { payload: { url: "https://elsewhere.example" } };

let server: ApiServer;
beforeAll(async () => {
  const apiKeyCache = new ApiKeyCache();
  apiKeyCache.replace([...Object.values(KEYS), ...Object.values(OTHERS)], { isNeeded: true });
  const definitions = [...testRegistry.types.map(({ definition }) => definition), rerun, bulkJob("cancel")];
  const registry = registryOf(
    definitions.map((definition) => ({ source: "test", definition })),
    {},
  );
  server = await startApiServer({ deps: { apiKeyCache, registry } });
});
afterAll(() => server.close());

async function submit(key: string, type: string, payload: object): Promise<string> {
  const answer = await ask(server, "POST", ["/api/v1/jobs", { type, payload, delay_ms: FAR }], bearer(key));
  expect(answer.status).toBe(202);
  return (JSON.parse(answer.text) as { id: string }).id;
}
const patch = (key: string, id: string, body: object) =>
  ask(server, "PATCH", [`/api/v1/jobs/${id}`, body], bearer(key));
async function payloadOf(id: string): Promise<unknown> {
  return JSON.parse((await server.queue.read([id]))[0]?.payload as string);
}

it.each(["bulk_cancel", "replay"])("of a job of type %s needs the scope of its submission", async (type) => {
  const id = await submit("admin", type, { tag: "one" });
  expect(await patch("both", id, { payload: { tag: null } })).toMatchObject({ status: 403 });
  expect(await patch("both", id, { priority: 1 })).toMatchObject({ status: 200 });
  expect(await payloadOf(id)).toEqual({ tag: "one" });
  expect(await patch("admin", id, { payload: { tag: "two" } })).toMatchObject({ status: 200 });
  expect(await payloadOf(id)).toEqual({ tag: "two" });
});

it("is needed even by the key that owns the job", async () => {
  const id = server.queue.ids.next();
  const options = { run_at: server.queue.clock.now() + FAR, api_key: KEYS.both.id };
  const job = submission({ type: "bulk_cancel", payload: '{"tag":"one"}', options });
  await enqueueRaw(server.queue, { ids: [id], submissions: [job] });
  expect(await patch("both", id, { payload: { tag: null } })).toMatchObject({ status: 403 });
  expect(await payloadOf(id)).toEqual({ tag: "one" });
});

it("may be changed by the owner of the job and by admin alone", async () => {
  const id = await submit("other", "webhook", HOOK);
  for (const body of [ELSEWHERE, { payload: {} }, { priority: 9, ...ELSEWHERE }]) {
    const denied = await patch("both", id, body);
    expect([denied.status, JSON.parse(denied.text)]).toMatchObject([403, { code: "scope_missing" }]);
  }
  expect(await payloadOf(id)).toEqual(HOOK);
  expect(await patch("both", id, { tags: ["seen"] })).toMatchObject({ status: 200 });
  expect(await patch("submit", id, ELSEWHERE)).toMatchObject({ status: 404 });
  expect(await patch("other", id, { payload: { url: "https://example.org/2" } })).toMatchObject({ status: 200 });
  expect(await patch("admin", id, ELSEWHERE)).toMatchObject({ status: 200 });
  expect(await payloadOf(id)).toEqual({ ...HOOK, url: "https://elsewhere.example" });
});

it("of a rerun may be that of another key, so its new owner may not change it", async () => {
  const id = await submit("other", "webhook", HOOK);
  await ask(server, "DELETE", [`/api/v1/jobs/${id}`], bearer("other"));
  const answer = await ask(server, "POST", [`/api/v1/jobs/${id}/retry`], bearer("both"));
  expect(answer.status).toBe(202);
  const rerunId = (JSON.parse(answer.text) as { id: string }).id;
  expect(await patch("both", rerunId, ELSEWHERE)).toMatchObject({ status: 403 });
  expect(await payloadOf(rerunId)).toEqual(HOOK);
});

it("of a callback may be changed by nobody, nor that of its rerun", async () => {
  const finished = server.queue.ids.next();
  const api_key = KEYS.admin.id;
  const run_at = server.queue.clock.now() + FAR;
  const body = `{"url":"https://example.org","body":{"id":"${finished}","status":"completed"}}`;
  const signed = `{"url":"https://example.org","secret":{"setting":"CALLBACK_SECRET"},"body":{}}`;
  const rerunId = server.queue.ids.next();
  const callbacks = [
    [callbackId(finished), body, { api_key, run_at }],
    [rerunId, body, { api_key, run_at, retry_of: callbackId(finished) }],
    [server.queue.ids.next(), signed, { api_key, run_at }],
  ] as const;
  for (const [id, payload, options] of callbacks) {
    const job = submission({ type: "webhook", payload, options });
    await enqueueRaw(server.queue, { ids: [id], submissions: [job] });
    const rejected = await patch("admin", id, ELSEWHERE);
    expect([rejected.status, JSON.parse(rejected.text)]).toMatchObject([409, { code: "callback_payload" }]);
    expect(await payloadOf(id)).toEqual(JSON.parse(payload));
    expect(await patch("admin", id, { priority: 9 })).toMatchObject({ status: 200 });
  }
  const other = await submit("admin", "webhook", { url: "https://example.org", body: { id: finished } });
  expect(await patch("admin", other, ELSEWHERE)).toMatchObject({ status: 200 });
});
