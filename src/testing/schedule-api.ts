/** A server with schedules, and calls about them with three keys: `ops` (admin), `reader` and `submitter`. */
import { createHash } from "node:crypto";
import { ApiKeyCache } from "../api/access/api-key-cache.ts";
import type { Scope } from "../core/api-key.ts";
import { idOfHash } from "../core/api-key.ts";
import { request, startApiServer } from "./api-server.ts";

function keyOf(name: string, scopes: readonly Scope[]) {
  const hash = createHash("sha256").update(name).digest("hex");
  return { id: idOfHash(hash), name, hash, scopes };
}

const NOTE = { type: "note", payload: { text: "a" } };
/** A definition with a tick each hour. */
export const EVERY = { every_ms: 3_600_000, job: NOTE };

/** The paths of the issues in an answer. */
export function pathsOf({ body }: { readonly body: Readonly<Record<string, unknown>> }): string[] {
  return (body["errors"] as { path: string }[]).map(({ path }) => path).sort();
}

export async function startScheduleApi() {
  const apiKeyCache = new ApiKeyCache();
  const keys = [keyOf("ops", ["admin"]), keyOf("reader", ["read"]), keyOf("submitter", ["submit"])];
  apiKeyCache.replace(keys, { isNeeded: true });
  const server = await startApiServer({ deps: { apiKeyCache } });
  return {
    server,
    /** @param path after `/api/v1/schedules` */
    call: (
      method: string,
      path: string,
      body?: object | string,
      headers: Readonly<Record<string, string>> = {},
      key = "ops",
    ) => request(server, method, `/api/v1/schedules${path}`, body, { authorization: `Bearer ${key}`, ...headers }),
    /** The entries of the audit about a schedule, newest first. */
    auditOf: async (target: string): Promise<Readonly<Record<string, unknown>>[]> => {
      await server.audit.flush();
      const { body } = await request(server, "GET", "/api/v1/audit", undefined, { authorization: "Bearer ops" });
      return (body["entries"] as Record<string, unknown>[]).filter((entry) => entry["target"] === target);
    },
  };
}
