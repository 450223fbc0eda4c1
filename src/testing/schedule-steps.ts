/**
 * Random steps of schedules: they are put, changed and deleted, and replicas take those that are due, and decide their
 * ticks in time, late or twice. Each tick must have one run and one job, in the order of the ticks.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { Advance, ScheduleJob, TakenSchedule } from "../queue/schedules.ts";
import type { NewJob } from "./model-job.ts";
import { PAST } from "./model-job.ts";
import { submission } from "./queue.ts";
import type { Sides } from "./queue-sides.ts";
import { clientOf, NS, nextId, picked } from "./queue-sides.ts";
import { client, FAR_AHEAD, step, type } from "./queue-step.ts";
import { copyOf, firing, newSchedule, stateOf } from "./schedules.ts";

interface ModelSchedule {
  readonly id: string;
  /** Its state in Redis. */
  text: string;
  revision: number;
  /** Its ticks are 1, 2, 3 and so on. */
  decided: number;
}

interface HeldJob {
  readonly job: NewJob;
  readonly scheduled: ScheduleJob;
}

/** The schedules of one sequence of steps. */
export class ScheduleModel {
  readonly byName = new Map<string, ModelSchedule>();
  /** What replicas have taken: a later step decides it, perhaps after somebody else has. */
  readonly taken: TakenSchedule[] = [];
  /** Jobs that wait for Postgres, by id. */
  readonly held = new Map<string, HeldJob>();
  /** By schedule id: its decided ticks, in their order. */
  readonly ticks = new Map<string, number[]>();
}

const name = fc.constantFrom("a", "b", "c");
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 3 });

/** Puts a schedule, or changes its revision; a change that was made from an old state changes nothing. */
export const putSchedule = step(
  "putSchedule",
  fc.record({ client, name, isStale: fc.boolean() }),
  async ({ clients, schedules }, { client: by, name: of, isStale }) => {
    const { queue } = clientOf(clients, by);
    const known = schedules.byName.get(of);
    if (!known) {
      const created = newSchedule(of, FAR_AHEAD, { id: `${of} ${schedules.ticks.size}` });
      expect(await queue.schedules.put([created, created])).toEqual([true, false]);
      const { id, revision } = created.copy;
      schedules.byName.set(of, { id, revision, text: JSON.stringify(created.state), decided: 0 });
      schedules.ticks.set(id, []);
      return;
    }
    const copy = copyOf(of, { id: known.id, revision: known.revision + 1 });
    const state = { ...stateOf(copy), ...(JSON.parse(known.text) as object), revision: copy.revision };
    const before = isStale ? JSON.stringify(stateOf(copy, { decided: -1 })) : known.text;
    expect(await queue.schedules.put([{ copy, before, state, lookAt: FAR_AHEAD }])).toEqual([!isStale]);
    if (!isStale) Object.assign(known, { text: JSON.stringify(state), revision: copy.revision });
  },
);

/** Schedules are due, and a replica takes them. */
export const takeSchedules = step(
  "takeSchedules",
  fc.record({ client, names }),
  async ({ clients, schedules, redis }, { client: by, names: due }) => {
    const known = due.filter((one) => schedules.byName.has(one)).sort();
    for (const one of known) await redis.zadd(`${NS}schedule_ticks`, "XX", PAST, one);
    const { schedules: taken } = await clientOf(clients, by).queue.schedules.take();
    expect(taken.map(({ copy, text }) => [copy.name, text])).toEqual(
      known.map((one) => [one, schedules.byName.get(one)?.text]),
    );
    schedules.taken.push(...taken);
    await putOff(redis, [...schedules.byName.keys()]);
  },
);

/** A replica decides one tick of each of these schedules, as it has taken them. */
export const decideTicks = step(
  "decideTicks",
  fc.record({
    client,
    which: fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
    isHeld: fc.constantFrom(false, false, true),
    type,
    priority: fc.constantFrom(5, 5, 9),
    group: fc.constantFrom("", "a"),
    tags: fc.constantFrom<string[][]>([], ["x"]),
    times: fc.constantFrom(1, 1, 2),
  }),
  async (sides, { client: by, which, times, isHeld, ...job }) => {
    const taken = picked(sides.schedules.taken, which);
    const decided = [...new Map(taken.map((one) => [one.copy.name, one])).values()].map((one) =>
      decisionOf(sides, one, { isHeld, job }),
    );
    // the second time, every state is another one
    for (let time = 0; time < times; time += 1) {
      const expected = decided.map((decision) => apply(sides, decision));
      const advances = decided.map(({ advance }) => advance);
      expect(await clientOf(sides.clients, by).queue.schedules.advance(advances)).toEqual(expected);
    }
    await expectRuns(sides);
    await putOff(sides.redis, [...sides.schedules.byName.keys()]);
  },
);

/** Postgres has answered about jobs that wait for it. */
export const fireHeld = step(
  "fireHeld",
  fc.record({ client, isRecorded: fc.constantFrom(false, false, true) }),
  (sides, { client: by, isRecorded }) => fireAll(sides, by, isRecorded),
);

export const removeSchedule = step(
  "removeSchedule",
  fc.record({ client, name }),
  async ({ clients, schedules }, { client: by, name: of }) => {
    const id = schedules.byName.get(of)?.id ?? "none";
    for (const gone of ["another", id]) await clientOf(clients, by).queue.schedules.remove([{ name: of, id: gone }]);
    schedules.byName.delete(of);
  },
);

/** Removes all schedules, and lets the jobs that they have fired run. */
export async function drainSchedules(sides: Sides): Promise<void> {
  const { queue } = clientOf(sides.clients, 0);
  const { byName } = sides.schedules;
  await queue.schedules.remove([...byName].map(([of, { id }]) => ({ name: of, id })));
  byName.clear();
  await fireAll(sides, 0, false);
  await queue.schedules.acknowledge((await queue.schedules.pendingRuns(100_000)).texts);
}

interface Decision {
  readonly advance: Advance;
  readonly tick: number;
  readonly job: NewJob;
}

function decisionOf(
  sides: Sides,
  taken: TakenSchedule,
  {
    isHeld,
    job: { tags, group, ...rest },
  }: { readonly isHeld: boolean; readonly job: Omit<NewJob, "id" | "size" | "runAt"> },
): Decision {
  const tick = taken.state.decided + 1;
  const job = { ...rest, tags, group, id: nextId(sides), size: 0, runAt: PAST };
  const made = submission({ ...rest, groupKey: group || null, options: tags.length > 0 ? { tags } : {} });
  const advance = firing(taken, tick, [{ id: job.id, submission: made }], FAR_AHEAD);
  return { advance: { ...advance, jobs: advance.jobs.map((one) => ({ ...one, isHeld })) }, tick, job };
}

/** @returns whether Redis must apply the decision, too */
function apply(
  { model, schedules }: Sides,
  { advance: { name: of, before, state, jobs }, tick, job }: Decision,
): boolean {
  const known = schedules.byName.get(of);
  if (known?.text !== before) return false;
  expect(tick).toBe(known.decided + 1);
  Object.assign(known, { decided: tick, text: JSON.stringify(state) });
  schedules.ticks.get(known.id)?.push(tick);
  const [scheduled] = jobs;
  if (scheduled?.isHeld) schedules.held.set(job.id, { job, scheduled });
  else model.enqueue([{ jobs: [job], key: null, fingerprint: "" }]);
  return true;
}

/** Each decided tick has one run with one job; none has two. */
async function expectRuns({ clients, schedules }: Sides): Promise<void> {
  const { runs } = await clientOf(clients, 0).queue.schedules.pendingRuns(100_000);
  const ticks = new Map([...schedules.ticks.keys()].map((id) => [id, [] as number[]]));
  for (const { schedule, tick } of runs) ticks.get(schedule)?.push(tick);
  expect(new Map([...ticks].map(([id, of]) => [id, of.sort((a, b) => a - b)]))).toEqual(schedules.ticks);
  expect(new Set(runs.map(({ jobId }) => jobId)).size).toBe(runs.length);
}

async function fireAll({ clients, model, schedules, redis }: Sides, by: number, isRecorded: boolean): Promise<void> {
  const { queue } = clientOf(clients, by);
  const { held } = schedules;
  for (const id of held.keys()) await redis.zadd(`${NS}schedule_ticks`, "XX", PAST, `@${id}`);
  const { now, jobs } = await queue.schedules.take();
  expect(jobs.map(({ id }) => id).sort()).toEqual([...held.keys()].sort());
  const answered = jobs.map((job) => ({ ...job, isRecorded }));
  for (let time = 0; time < 2; time += 1) await queue.schedules.fire(answered, now + 60_000);
  if (!isRecorded)
    model.enqueue(
      jobs.flatMap(({ id }) => {
        const job = held.get(id)?.job;
        return job ? [{ jobs: [job], key: null, fingerprint: "" }] : [];
      }),
    );
  held.clear();
}

/** Nobody takes them before a step makes them due, however slow the machine is. */
async function putOff(redis: Sides["redis"], all: readonly string[]): Promise<void> {
  if (all.length > 0) await redis.zadd(`${NS}schedule_ticks`, "XX", ...all.flatMap((one) => [FAR_AHEAD, one]));
}
