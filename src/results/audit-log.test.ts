import { afterEach, beforeEach, expect, it } from "vitest";
import { HIGHEST_ID, LOWEST_ID, lowestIdAt } from "../core/id.ts";
import { DAY_MS } from "../core/time.ts";
import { IdSource } from "../queue/ids.ts";
import { freshDatabase } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { until } from "../testing/until.ts";
import { ApiKeyStore } from "./api-keys.ts";
import type { AuditEntry, AuditQuery } from "./audit-log.ts";
import { AuditLog } from "./audit-log.ts";
import { migrate } from "./migrate.ts";
import { dropExpired } from "./retention.ts";

const ALL: AuditQuery = { below: HIGHEST_ID, from: LOWEST_ID, limit: 2_000, actions: undefined, keys: undefined };
const ENTRY: AuditEntry = {
  key: { id: "0123456789abcdef", name: "ops" },
  action: "queues.pause",
  target: "webhook",
  requestId: "r-1",
};

let url: string;
let now: number;
let warned: { readonly entry?: AuditEntry }[];
const open: AuditLog[] = [];
beforeEach(async () => {
  url = (await freshDatabase()).url;
  await migrate(url);
  warned = [];
  now = Date.now();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((log) => log.close()));
});

function audit(databaseUrl = url, periodMs = 10): AuditLog {
  const ids = new IdSource(() => now, 0);
  const log = { warn: (fields: object) => void warned.push(fields) };
  const made = new AuditLog({ databaseUrl, ids, log, periodMs });
  open.push(made);
  return made;
}

it("stores every fact of an entry, and lists the newest first", async () => {
  const log = audit();
  log.record({ ...ENTRY, details: { reason: "a\0b \ud800" }, count: 12, jobId: lowestIdAt(now) });
  log.record({ key: undefined, action: "queues.resume", target: "a\0b", requestId: "r-2" });
  await log.flush();
  const [resume, pause, ...others] = await log.list(ALL);
  expect(others).toEqual([]);
  expect(pause).toMatchObject({
    at: now,
    key_id: "0123456789abcdef",
    key_name: "ops",
    action: "queues.pause",
    target: "webhook",
    count: 12,
    job_id: lowestIdAt(now),
    request_id: "r-1",
  });
  expect(JSON.parse(pause?.details ?? "")).toEqual({ reason: "a\0b \ud800" });
  expect(resume).toMatchObject({
    key_id: null,
    key_name: null,
    target: "ab",
    details: null,
    count: null,
    job_id: null,
  });
});

it("filters by actions, keys and ids", async () => {
  const log = audit();
  for (const action of ["a", "b", "c"]) {
    log.record({ ...ENTRY, action });
    now += 1_000;
  }
  await log.flush();
  const actions = async (query: Partial<AuditQuery>) =>
    (await log.list({ ...ALL, ...query })).map(({ action }) => action);
  expect(await actions({ limit: 2 })).toEqual(["c", "b"]);
  expect(await actions({ actions: ["a", "c", "d"] })).toEqual(["c", "a"]);
  expect(await actions({ keys: ["ops"] })).toEqual(["c", "b", "a"]);
  expect(await actions({ keys: ["0123456789abcdef"] })).toEqual(["c", "b", "a"]);
  expect(await actions({ keys: ["other"] })).toEqual([]);
  expect(await actions({ from: lowestIdAt(now - 2_000), below: lowestIdAt(now - 1_000) })).toEqual(["b"]);
});

it("keeps entries while Postgres is away, up to 1,000, and logs each one that it drops", async () => {
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const away = proxy.before(url);
  await proxy.close();
  const log = audit(away);
  for (let n = 0; n < 1_002; n++) log.record({ ...ENTRY, requestId: `r-${n}` });
  await log.flush();
  expect(warned.flatMap(({ entry }) => entry?.requestId ?? [])).toEqual(["r-0", "r-1"]);
  await log.close();
  expect(warned.filter(({ entry }) => entry)).toHaveLength(1_002);
});

it("writes the entries that wait once Postgres answers, each once", async () => {
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const log = audit(proxy.before(url));
  proxy.setMode({ kind: "reset" });
  log.record(ENTRY);
  await log.flush();
  const reader = audit();
  expect(await reader.list(ALL)).toEqual([]);
  proxy.setMode({ kind: "pass" });
  await until(async () => (await reader.list(ALL)).length === 1, { what: "the entry is stored" });
  await log.close();
  expect(await reader.list(ALL)).toHaveLength(1);
  await proxy.close();
});

it("drops an entry that Postgres cannot store, and no other", async () => {
  const log = audit();
  log.record(ENTRY);
  log.record({ ...ENTRY, jobId: "no uuid", requestId: "r-bad" });
  log.record(ENTRY);
  await log.flush();
  expect(await log.list(ALL)).toHaveLength(2);
  expect(warned).toMatchObject([{ entry: { requestId: "r-bad" } }]);
});

it("writes the waiting entries when it is closed", async () => {
  const log = audit();
  log.record(ENTRY);
  await log.close();
  expect(await audit().list(ALL)).toHaveLength(1);
});

it("has an entry for each API key that was created or revoked", async () => {
  const keys = new ApiKeyStore(url);
  const key = { id: "k1", name: "ci", hash: "h1", scopes: "submit+read", rate: "100/s", quota: null };
  await keys.add(key);
  await keys.add(key); // there is one
  await keys.add({ ...key, id: "ci", name: "other", hash: "h2" }); // its id is the name of the first
  await keys.revoke("ci");
  await keys.revoke("ci");
  keys.close();
  const entries = await audit().list(ALL);
  const byName = (action: string) =>
    entries
      .filter((entry) => entry.action === action)
      .map(({ target }) => target)
      .sort();
  expect(byName("keys.create")).toEqual(["ci", "other"]);
  expect(byName("keys.revoke")).toEqual(["ci", "other"]);
  expect(entries.every(({ key_id, key_name }) => key_id === null && key_name === "cli")).toBe(true);
  const created = entries.find(({ action, target }) => action === "keys.create" && target === "ci");
  expect(JSON.parse(created?.details ?? "")).toEqual({ id: "k1", scopes: "submit+read", rate: "100/s", quota: null });
});

it("is deleted past the retention", async () => {
  const log = audit();
  now -= 31 * DAY_MS;
  log.record({ ...ENTRY, action: "old" });
  now += 2 * DAY_MS;
  log.record({ ...ENTRY, action: "recent" });
  await log.flush();
  await dropExpired(url, 30, Date.now());
  expect((await log.list(ALL)).map(({ action }) => action)).toEqual(["recent"]);
});
