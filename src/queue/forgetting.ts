/** The arguments of forget.lua. */
import type { Job } from "../core/job.ts";
import { isLarge } from "../core/payload.ts";

/** A job that Postgres has stored. */
export type Forgettable = Pick<Job, "id" | "type"> & Partial<Pick<Job, "payload">>;

export function encodeForget(ns: string, jobs: readonly Forgettable[]): string[] {
  const byType = new Map<string, string[]>();
  for (const { id, type, payload } of jobs) {
    const key = payload !== undefined && isLarge(payload) ? `>${type}` : type;
    const ids = byType.get(key);
    if (ids) ids.push(id);
    else byType.set(key, [id]);
  }
  const args = [ns];
  for (const [key, ids] of byType) args.push(key, String(ids.length), ...ids);
  return args;
}
