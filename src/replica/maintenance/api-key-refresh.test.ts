import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { ApiKeyStore } from "../../results/api-keys.ts";
import { migrate } from "../../results/migrate.ts";
import { freshDatabase } from "../../testing/services.ts";
import { TcpProxy } from "../../testing/tcp-proxy.ts";
import { openKeys } from "./api-key-refresh.ts";

it("the keys of a replica are closed at once, although Postgres is silent", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const warnings: unknown[] = [];
  const settings = { TASKFLOW_API_KEYS: [], TASKFLOW_AUTH: "", CORS_ORIGINS: [] } as const;
  const keys = await openKeys({
    config: settings,
    databaseUrl: proxy.before(url),
    log: { warn: (...words: unknown[]) => warnings.push(words) },
    periodMs: 20,
  });
  proxy.setMode({ kind: "black-hole" });
  await delay(200); // a read is under way
  const startedAt = performance.now();
  await keys.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(warnings).toEqual([]);
  await proxy.close();
});

it("a server that allows every origin does not start without keys", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const open = (config: Parameters<typeof openKeys>[0]["config"]) =>
    openKeys({ config, databaseUrl: url, log: { warn: () => undefined } });
  const settings = { TASKFLOW_API_KEYS: [], TASKFLOW_AUTH: "", CORS_ORIGINS: ["*"] } as const;
  await expect(open(settings)).rejects.toThrow(/^CORS_ORIGINS: \* without API keys .* create keys/);
  const hash = "a".repeat(64);
  const keys = await open({ ...settings, TASKFLOW_API_KEYS: [{ id: "1", name: "ci", hash, scopes: ["read"] }] });
  expect(keys.apiKeyCache.isNeeded).toBe(true);
  await keys.close();
  const store = new ApiKeyStore(url); // revoked ones count, too: an installation that had a key needs one from then on
  await store.add({ id: "2", name: "old", hash, scopes: "read", rate: null, quota: null });
  await store.revoke("2");
  store.close();
  await (await open(settings)).close();
});
