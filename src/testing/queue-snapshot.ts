/** All that the queue keeps in Redis, at one instant, in a form that the model of the queue can be held against. */
import type { Redis } from "ioredis";
import { AHEAD, PAST } from "./model-job.ts";
import type { QueueModel } from "./queue-model.ts";

export interface QueueSnapshot {
  /** By id: the head without its times, and every set that holds the id, with the score. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  readonly live: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** By slot: each group's last tag; and the highest tag that was handed out. */
  readonly lastTags: Readonly<Record<string, Record<string, number>>>;
  readonly takenTags: Readonly<Record<string, number>>;
}

/** Every key but those that expire or only hint, as name, then field and value in turn (a string: how it begins). */
const DUMP = `
local dump = {}
for _, key in ipairs(redis.call('KEYS', KEYS[1] .. '*')) do
  local kind, entry = redis.call('TYPE', key).ok, { string.sub(key, #KEYS[1] + 1) }
  local values = {}
  if kind == 'zset' then values = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'hash' then values = redis.call('HGETALL', key)
  elseif kind == 'string' and redis.call('PTTL', key) == -1 then values = { 'head', redis.call('GETRANGE', key, 0, 1) } end
  for _, value in ipairs(values) do entry[#entry + 1] = value end
  dump[#dump + 1] = entry
end
return dump`;

export async function snapshotOfRedis(redis: Redis, ns: string): Promise<QueueSnapshot> {
  const dump = (await redis.eval(DUMP, 1, ns)) as string[][];
  const jobs = new Map<string, string[]>();
  const heads = new Map<string, string>();
  const states = new Map<string, string>();
  const lastTags: Record<string, Record<string, number>> = {};
  let live: string[] = [];
  let counts: Record<string, number> = {};
  let takenTags: Record<string, number> = {};
  const note = (id: string, text: string): unknown => jobs.set(id, [...(jobs.get(id) ?? []), text].sort());
  for (const [name = "", ...values] of dump) {
    const pairs = pairsOf(values);
    if (name.startsWith("p:")) {
      if (values.length > 0) note(name.slice(2), "its payload");
    } else if (name.startsWith("j:")) heads.set(name.slice(2), values[1] ?? "");
    else if (name === "states")
      for (let i = 0; i < values.length; i += 2) states.set(values[i] ?? "", values[i + 1] ?? "");
    else if (name === "live") live = pairs.map(([id]) => id);
    else if (name === "counts") counts = Object.fromEntries(pairs.filter(([, count]) => count !== 0));
    else if (name === "vtime") takenTags = Object.fromEntries(pairs);
    else if (name.startsWith("fair:")) lastTags[name.slice(5)] = Object.fromEntries(pairs);
    else if (name.startsWith("ready:") || name === "scheduled")
      for (const [id, score] of pairs) note(id, `${name} ${score}`);
    else if (name === "leased" || name === "outbox")
      for (const [id, score] of pairs) note(id, `${name} ${score === PAST ? PAST : AHEAD}`);
  }
  for (const [id, head] of heads) note(id, headOf(head, states.get(id)));
  for (const id of states.keys()) if (!heads.has(id)) note(id, "a state of no job");
  return { jobs: Object.fromEntries(jobs), live, counts, lastTags, takenTags };
}

export function snapshotOfModel(model: QueueModel): QueueSnapshot {
  const jobs: Record<string, string[]> = {};
  for (const job of model.jobs.values()) {
    const { state, priority, attempt, crashes, deferrals, isCancelRequested, progress, token, score } = job;
    const head = `${state}${priority}${twoDigits(attempt)}${crashes}${twoDigits(deferrals)}${isCancelRequested ? 1 : 0}${progress} ${token}`;
    const set = {
      q: `ready:${job.type}`,
      s: "scheduled",
      t: "scheduled",
      r: "leased",
      c: "outbox",
      f: "outbox",
      x: "outbox",
    }[state];
    jobs[job.id] = [head, `${set} ${score}`, ...(job.size > 0 ? ["its payload"] : [])].sort();
  }
  return {
    jobs,
    live: [...model.jobs.keys()].sort(),
    counts: Object.fromEntries([...model.counts].filter(([, count]) => count !== 0)),
    lastTags: Object.fromEntries([...model.tags.last].map(([slot, tags]) => [slot, Object.fromEntries(tags)])),
    takenTags: Object.fromEntries([...model.tags.taken].filter(([, tag]) => tag !== 0)), // what never was claimed from a queue goes to its front with tag 0
  };
}

const twoDigits = (count: number): string => String(count).padStart(2, "0");
const headOf = (head: string, state = `${head.charAt(0)}000000---0000000000000--------0000000000`): string =>
  `${state.charAt(0)}${head.charAt(1)}${state.slice(1, 10)} ${state.slice(23, 41)}`;

function pairsOf(values: readonly string[]): [string, number][] {
  return values.flatMap((value, i) => (i % 2 === 0 ? [[value, Number(values[i + 1])] as [string, number]] : []));
}
