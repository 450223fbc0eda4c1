/** The order of the groups on screen. It changes only when the user asks for it, so that no row moves under the pointer. */
import type { ErrorGroup } from "./group-filter.ts";

export type Sort = "count" | "last";

/** The groups of the latest answer in the order of an earlier one. */
export interface Arrangement {
  readonly rows: readonly ErrorGroup[];
  /** How many groups are not among the rows. */
  readonly newCount: number;
  /** Whether sorting now would change the rows. */
  readonly isStale: boolean;
}

function sortedGroups(groups: readonly ErrorGroup[], sort: Sort): ErrorGroup[] {
  const lastSeen = (a: ErrorGroup, b: ErrorGroup): number => Date.parse(b.last_seen) - Date.parse(a.last_seen);
  return [...groups].sort(
    sort === "count" ? (a, b) => b.count - a.count || lastSeen(a, b) : (a, b) => lastSeen(a, b) || b.count - a.count,
  );
}

/** @param shown the rows on screen: they stay, with their latest counts */
export function arranged(shown: readonly ErrorGroup[], latest: readonly ErrorGroup[], sort: Sort): Arrangement {
  const sorted = sortedGroups(latest, sort);
  if (shown.length === 0) return { rows: sorted, newCount: 0, isStale: false };
  const byId = new Map(latest.map((group) => [idOfGroup(group), group]));
  const ids = shown.map(idOfGroup);
  const known = new Set(ids);
  return {
    rows: shown.map((group, at) => byId.get(ids[at] ?? "") ?? group),
    newCount: latest.filter((group) => !known.has(idOfGroup(group))).length,
    isStale: sorted.length !== shown.length || sorted.some((group, at) => idOfGroup(group) !== ids[at]),
  };
}

/** A short name of the group for the URL: a hash (FNV-1a, 64 bits) of its type, code and signature. */
export function idOfGroup({ type, code, signature }: ErrorGroup): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(JSON.stringify([type, code, signature])))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(36);
}
