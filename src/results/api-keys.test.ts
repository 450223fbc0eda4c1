import { afterEach, expect, it } from "vitest";
import { freshDatabase } from "../testing/services.ts";
import { TcpProxy } from "../testing/tcp-proxy.ts";
import { ApiKeyStore } from "./api-keys.ts";
import { migrate } from "./migrate.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

it("keys are not waited for from a Postgres that is silent, and are read once it speaks again", async () => {
  const { url } = await freshDatabase();
  await migrate(url);
  const proxy = await TcpProxy.start(Number(new URL(url).port));
  const store = new ApiKeyStore(proxy.before(url), { timeoutMs: 500 });
  open.push(proxy, store);
  expect(await store.list()).toEqual([]);
  proxy.setMode({ kind: "black-hole" });
  await expect(store.list()).rejects.toThrow(); // on the connection that was there
  await expect(store.list()).rejects.toThrow(); // on a new one
  proxy.setMode({ kind: "pass" });
  expect(await store.list()).toEqual([]);
});
