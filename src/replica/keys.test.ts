import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { migrate } from "../results/migrate.ts";
import { freshDatabase } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { openKeys } from "./keys.ts";

it("the keys of a replica are closed at once, though Postgres is silent", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const warnings: unknown[] = [];
  const settings = { TASKFLOW_API_KEYS: [], TASKFLOW_AUTH: "" } as const;
  const keys = await openKeys({ config: settings, databaseUrl: proxy.before(url), log: { warn: (...words: unknown[]) => warnings.push(words) }, periodMs: 20 });
  proxy.setMode({ kind: "black-hole" });
  await delay(200); // a read is under way
  const startedAt = performance.now();
  await keys.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(warnings).toEqual([]);
  await proxy.close();
});
