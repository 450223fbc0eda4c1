import { createHash } from "node:crypto";
import { beforeAll, expect, it } from "vitest";
import { parseApiKeys } from "../core/api-key.ts";
import { openKeys } from "../replica/maintenance/api-key-refresh.ts";
import { freshDatabase } from "../testing/services.ts";
import { keysCommand } from "./keys.ts";

let databaseUrl = "";
beforeAll(async () => {
  databaseUrl = (await freshDatabase()).url;
});

async function run(action: string, name = "", more: { scopes?: string; rate?: string; isForEnv?: boolean } = {}) {
  const lines: string[] = [];
  const code = await keysCommand({
    config: { DATABASE_URL: databaseUrl },
    action,
    name,
    scopes: "submit,read",
    isForEnv: false,
    isJson: true,
    out: { write: (text) => lines.push(text) },
    ...more,
  });
  return { code, value: JSON.parse(lines.join("")) as Record<string, unknown>, text: lines.join("") };
}
const hashOf = (key: unknown) => createHash("sha256").update(String(key)).digest("hex");

it("creates a key that replicas accept, shows it once, and revokes it", async () => {
  const made = await run("create", "ci", { rate: "100/s" });
  const settings = { TASKFLOW_API_KEYS: [], TASKFLOW_AUTH: "", CORS_ORIGINS: [] } as const;
  const keys = await openKeys({ config: settings, databaseUrl, log: { warn: () => undefined } });
  expect(keys.apiKeyCache.isNeeded).toBe(true);
  expect(keys.apiKeyCache.find(`Bearer ${String(made.value.key)}`)).toMatchObject({
    name: "ci",
    scopes: ["submit", "read"],
    rate: { quota: 100, windowMs: 1_000 },
  });
  expect((await run("list")).text).not.toContain(String(made.value.key));
  expect(await run("revoke", "ci")).toMatchObject({ code: 0, value: { revoked: [{ name: "ci" }] } });
  await expect
    .poll(() => keys.apiKeyCache.find(`Bearer ${String(made.value.key)}`), { timeout: 8_000 })
    .toBeUndefined();
  // revoking the last key does not make the installation serve requests without a key
  expect(keys.apiKeyCache.isNeeded).toBe(true);
  await keys.close();
  expect((await run("revoke", "ci")).code).toBe(1);
});

it("rejects the name of a valid key, and accepts the name of a revoked one", async () => {
  await run("create", "twice");
  await expect(run("create", "twice")).rejects.toThrow(/already a key named twice/);
  await run("revoke", "twice");
  expect((await run("create", "twice")).code).toBe(0);
});

it("prints an entry for TASKFLOW_API_KEYS without storing anything", async () => {
  const { value } = await run("create", "worker-1", { scopes: "admin", rate: "20/10s", isForEnv: true });
  expect(parseApiKeys(String(value.entry))).toMatchObject([
    { name: "worker-1", scopes: ["admin"], hash: hashOf(value.key), rate: { quota: 20, windowMs: 10_000 } },
  ]);
});

it.each([
  ["create", "no spaces please", {}, /a key needs a name/],
  ["create", "a", { scopes: "root" }, /--scopes/],
  ["create", "a", { rate: "fast" }, /--rate/],
  ["rotate", "a", {}, /expected keys create/],
])("rejects keys %s %s", async (action, name, more, message) => {
  await expect(run(action, name, more)).rejects.toThrow(message);
});
