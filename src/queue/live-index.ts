/**
 * Finds live jobs by filters without a walk over all of them. Each filter that has a value names a source that contains
 * every job that passes it: names in the index (index-names.ts), or the sets that the statuses name. find.lua reads the
 * smallest source, and `live` if no other is smaller.
 */
import { at } from "../core/at.ts";
import { ID_LENGTH } from "../core/id.ts";
import type { Status } from "../core/job.ts";
import { STATUSES } from "../core/job.ts";
import type { JobFilters } from "../core/job-filters.ts";
import { READY_SETS } from "./codes.ts";
import { ATTEMPTED, groupName, retryName, tagName } from "./index-names.ts";

export interface LiveSearch {
  /** Only ids below this one. */
  readonly below?: string | undefined;
  /** Only ids from this one on. */
  readonly from?: string | undefined;
  /** How many ids at most; a search returns no more than 2,000. */
  readonly limit: number;
  /** Narrow the search where an index helps: jobs that do not pass may be found as well. */
  readonly filters?: JobFilters;
}

export interface LiveIds {
  /** Newest first. Empty only if there are no more. */
  readonly ids: readonly string[];
  /** Whether no id below the last of these is left. */
  readonly isLast: boolean;
}

/** A union of sorted sets that are not in the order of ids, and of names in the index. */
interface Source {
  readonly sets: readonly string[];
  readonly names: readonly string[];
}

const MAX_LIMIT = 2_000;

const named = (names: readonly string[]): Source => ({ sets: [], names });

function sourcesOf(filters: JobFilters): Source[] {
  const { tag, group_key, retry_of, error_code, finished_after, finished_before, status, type } = filters;
  const sources: Source[] = [];
  if (tag) sources.push(named(tag.map(tagName)));
  if (group_key) sources.push(named(group_key.map(groupName)));
  if (retry_of) sources.push(named(retry_of.map(retryName)));
  if (error_code) sources.push({ sets: ["outbox"], names: [ATTEMPTED] });
  if (finished_after !== undefined || finished_before !== undefined) sources.push({ sets: ["outbox"], names: [] });
  if (status || type) sources.push(...sourcesOfStatuses(status ?? STATUSES, type));
  return sources;
}

function sourcesOfStatuses(statuses: readonly Status[], types: JobFilters["type"]): Source[] {
  const ready = types?.map((type) => `ready:${type}`) ?? [READY_SETS];
  const setsOf: Readonly<Record<Status, readonly string[]>> = {
    waiting: ["waiting"],
    queued: ready,
    scheduled: ["scheduled"],
    retrying: ["scheduled"],
    running: ["leased"],
    completed: ["outbox"],
    failed: ["outbox"],
    cancelled: ["outbox"],
  };
  const unionOf = (some: readonly Status[]): string[] => [...new Set(some.flatMap((status) => setsOf[status]))];
  const whole = { sets: unionOf(statuses), names: [] };
  if (!statuses.includes("retrying")) return [whole];
  // The set of scheduled jobs is mostly far larger than that of retrying ones
  return [whole, { sets: unionOf(statuses.filter((status) => status !== "retrying")), names: [ATTEMPTED] }];
}

/** The arguments of find.lua. */
export function encodeSearch(ns: string, { below = "", from = "", limit, filters = {} }: LiveSearch): string[] {
  const args = [ns, below, from, String(Math.min(limit, MAX_LIMIT))];
  for (const { sets, names } of sourcesOf(filters))
    args.push(String(sets.length), String(names.length), ...sets, ...names);
  return args;
}

/** @param reply of find.lua */
export function decodeFound(reply: unknown, { below, from = "", limit }: LiveSearch): LiveIds {
  const [n, ranges, sets] = reply as readonly [number, readonly string[][], readonly string[][]];
  const parts = ranges.map(idsOf);
  // Below its first n ids, a range that was cut off may have any others: these belong to the next page.
  let floor = "";
  for (const ids of parts) if (ids.length > n && at(ids, n - 1) > floor) floor = at(ids, n - 1);
  const members = sets.flatMap(idsOf).filter((id) => id >= from && (below === undefined || id < below));
  const ids = [...new Set([...parts.flat(), ...members])]
    .filter((id) => id >= floor)
    .sort()
    .reverse();
  const most = Math.min(limit, MAX_LIMIT);
  return { ids: ids.slice(0, most), isLast: floor === "" && ids.length <= most };
}

function idsOf(members: readonly string[]): string[] {
  return members.map((member) => member.slice(-ID_LENGTH));
}
