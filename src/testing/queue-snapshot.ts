/** All keys of the queue in Redis, at one instant, in a form that can be compared with the model of the queue. */
import type { Redis } from "ioredis";
import { at } from "../core/at.ts";
import { encodeCounters, HEADER } from "../core/header.ts";
import { wholePacked } from "../core/packed-job.ts";
import { STATE_CODE } from "../core/state-code.ts";
import type { ModelJob } from "./model-job.ts";
import { AHEAD, PAST } from "./model-job.ts";
import type { QueueModel } from "./queue-model.ts";

export interface QueueSnapshot {
  /** By id: the header without its times, and every set that contains the id, with the score. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  readonly live: readonly string[];
  /** The members of the index, with a space for the NUL. */
  readonly index: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** By bucket: the virtual time of each group's last job. */
  readonly lastVtimes: Readonly<Record<string, Record<string, number>>>;
  /** By bucket: the highest virtual time of a job that was taken. */
  readonly takenVtimes: Readonly<Record<string, number>>;
}

/**
 * Every key that neither expires nor is only a hint: its name, then field and value in turn (for a string, its first
 * two characters).
 */
const DUMP = `
local dump = {}
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local key_type, entry = redis.call('TYPE', key).ok, { string.sub(key, #KEYS[1] + 1) }
  local values = {}
  if key_type == 'zset' then values = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif key_type == 'hash' then values = redis.call('HGETALL', key)
  elseif key_type == 'string' and redis.call('PTTL', key) == -1 then values = { 'header', redis.call('GETRANGE', key, 0, 1) } end
  for _, value in ipairs(values) do entry[#entry + 1] = value end
  dump[#dump + 1] = entry
end
return dump`;

export async function snapshotOfRedis(redis: Redis, ns: string): Promise<QueueSnapshot> {
  const dump = (await redis.eval(DUMP, 1, ns)) as string[][];
  const jobs = new Map<string, string[]>();
  const submitted = new Map<string, string>();
  const states = new Map<string, string>();
  const lastVtimes: Record<string, Record<string, number>> = {};
  let live: string[] = [];
  let index: string[] = [];
  let counts: Record<string, number> = {};
  let takenVtimes: Record<string, number> = {};
  const note = (id: string, fact: string): unknown => jobs.set(id, [...(jobs.get(id) ?? []), fact].sort());
  for (const [name = "", ...values] of dump) {
    const pairs = pairsOf(values);
    if (name.startsWith("p:")) {
      if (values.length > 0) note(name.slice(2), "its payload");
    } else if (name.startsWith("j:")) submitted.set(name.slice(2), at(values, 1));
    else if (name === "states") for (let i = 0; i < values.length; i += 2) states.set(at(values, i), at(values, i + 1));
    else if (name === "live") live = pairs.map(([id]) => id);
    else if (name === "index") index = pairs.map(([member]) => member.replace("\0", " ")).sort();
    else if (name === "counts") counts = Object.fromEntries(pairs.filter(([, count]) => count !== 0));
    else if (name === "vtime") takenVtimes = Object.fromEntries(pairs);
    else if (name.startsWith("fair:")) lastVtimes[name.slice(5)] = Object.fromEntries(pairs);
    else if (name.startsWith("ready:") || name === "scheduled")
      for (const [id, score] of pairs) note(id, `${name} ${score}`);
    else if (name === "leased" || name === "outbox")
      for (const [id, score] of pairs) note(id, `${name} ${score === PAST ? PAST : AHEAD}`);
  }
  for (const [id, packed] of submitted) note(id, headerOf(packed, states.get(id)));
  for (const id of states.keys()) if (!submitted.has(id)) note(id, "a state without a job");
  return { jobs: Object.fromEntries(jobs), live, index, counts, lastVtimes, takenVtimes };
}

export function snapshotOfModel(model: QueueModel): QueueSnapshot {
  const jobs: Record<string, string[]> = {};
  for (const job of model.jobs.values()) {
    const { state, priority, attempt, crashes, deferrals, isCancelRequested, progress, token, score } = job;
    const header = `${STATE_CODE[state]}${priority}${encodeCounters(attempt, crashes, deferrals)}${isCancelRequested ? 1 : 0}${progress} ${token}`;
    const set = {
      waiting: "waiting",
      queued: `ready:${job.type}`,
      scheduled: "scheduled",
      retrying: "scheduled",
      running: "leased",
      completed: "outbox",
      failed: "outbox",
      cancelled: "outbox",
    }[state];
    jobs[job.id] = [header, `${set} ${score}`, ...(job.size > 0 ? ["its payload"] : [])].sort();
  }
  return {
    jobs,
    live: [...model.jobs.keys()].sort(),
    index: [...model.jobs.values()].flatMap(membersOf).sort(),
    counts: Object.fromEntries([...model.counts].filter(([, count]) => count !== 0)),
    lastVtimes: Object.fromEntries(
      [...model.vtimes.last].map(([bucket, groups]) => [bucket, Object.fromEntries(groups)]),
    ),
    // a job released to a bucket that no job was taken from goes to its front with vtime 0
    takenVtimes: Object.fromEntries([...model.vtimes.taken].filter(([, vtime]) => vtime !== 0)),
  };
}

function membersOf({ id, tags, group, isAttempted }: ModelJob): string[] {
  const names = [
    ...tags.map((tag) => `t${tag}`),
    ...(group === "" ? [] : [`g${group}`]),
    ...(isAttempted ? ["a"] : []),
  ];
  return names.map((name) => `${name} ${id}`);
}

/** @param packed the first two characters of a packed submission */
function headerOf(packed: string, state: string | undefined): string {
  const header = wholePacked(packed, state);
  return `${header.slice(0, HEADER.progress.end)} ${header.slice(HEADER.replica.start, HEADER.seq.end)}`;
}

function pairsOf(values: readonly string[]): [string, number][] {
  return values.flatMap((value, i) => (i % 2 === 0 ? [[value, Number(values[i + 1])] as [string, number]] : []));
}
