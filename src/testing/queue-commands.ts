/** Random steps of the queue's clients, each applied to the model and to Redis, and compared. */
import fc from "fast-check";
import { expect } from "vitest";
import { idPrefix, makeId } from "../core/id.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { Payload } from "../core/payload.ts";
import type { Forgettable } from "../queue/forgetting.ts";
import type { ModelJob } from "./model-job.ts";
import { PAST } from "./model-job.ts";
import { callbackOf, claim, claimWith, renew, settle, settlementOf } from "./queue-attempts.ts";
import type { Sides } from "./queue-sides.ts";
import { clientOf, expectSame, NS, nextId, picked } from "./queue-sides.ts";
import { client, FAR_AHEAD, OWNED_MS, step, TYPES } from "./queue-step.ts";
import { enqueue, enqueueAgain, enqueueLarge } from "./queue-submissions.ts";
import { decideTicks, drainSchedules, fireHeld, putSchedule, removeSchedule, takeSchedules } from "./schedule-steps.ts";

/** Jobs that run or wait, ended jobs, and one that never existed; each at most once. */
function someIds(sides: Sides, which: readonly number[]): string[] {
  const ids = [...sides.model.in("running"), ...sides.sent.flatMap(({ jobs }) => jobs)].map(({ id }) => id);
  return picked([...new Set(ids), makeId(idPrefix(0, 0, 0), 0)], which);
}

const some = fc.array(fc.nat(40), { minLength: 1, maxLength: 4 });

const cancel = step(
  "cancel",
  fc.record({ client, which: some, hasCallback: fc.boolean() }),
  async (sides, { client: by, which, hasCallback }) => {
    const cancelled = someIds(sides, which).map((id) => ({
      id,
      callback: hasCallback ? callbackOf(sides) : undefined,
    }));
    const callbacks = new Map(cancelled.map(({ id, callback }) => [id, callback]));
    const answers = await clientOf(sides.clients, by).queue.cancelMany(cancelled, OWNED_MS, ({ job: { id } }) =>
      callbacks.get(id),
    );
    expect(answers.map(({ kind }) => kind)).toEqual(sides.model.cancel(cancelled));
  },
);

const changes = fc.record(
  {
    priority: fc.constantFrom(5, 5, 9),
    size: fc.constantFrom(0, 100, 200),
    dueAt: fc.constantFrom(PAST, FAR_AHEAD + 3, FAR_AHEAD + 4),
  },
  { requiredKeys: [] },
);
const update = step(
  "update",
  fc.record({ client, which: some, set: changes }),
  async (sides, { client: by, which, set: { priority, size, dueAt } }) => {
    const payload: Payload | undefined =
      size === undefined ? undefined : size > 0 ? { size, data: Buffer.alloc(size, "y") } : `{"n":"${nextId(sides)}"}`;
    const ids = someIds(sides, which);
    const answers = await clientOf(sides.clients, by).queue.updateMany(
      ids.map((id) => ({
        id,
        change: (read) => ({
          ...read,
          priority: priority ?? read.priority,
          payload: payload ?? read.payload,
          ...(dueAt !== undefined && { dueAt }),
        }),
      })),
    );
    const answersOfModel = ids.map((id) =>
      sides.model.update({
        id,
        ...(priority !== undefined && { priority }),
        ...(size !== undefined && { size }),
        ...(dueAt !== undefined && { dueAt }),
      }),
    );
    expect(answers.map(({ kind }) => kind)).toEqual(answersOfModel);
  },
);

const run = step("run", fc.record({ client, which: some }), async (sides, { client: by, which }) => {
  const ids = someIds(sides, which);
  const answers = await clientOf(sides.clients, by).queue.run(ids);
  expect(answers.map(({ kind }) => kind)).toEqual(ids.map((id) => sides.model.run(id)));
});

const sweep = step(
  "sweep",
  fc.record({ client, limit: fc.integer({ min: 1, max: 5 }) }),
  async (sides, { client: by, limit }) => {
    const swept = await clientOf(sides.clients, by).queue.sweep(OWNED_MS, limit);
    expect(swept.map(({ id }) => id)).toEqual(sides.model.sweep(limit));
  },
);

const forgotten = ({ id, type: of, size, group, tags, isAttempted }: ModelJob): Forgettable => ({
  id,
  type: of,
  payload: size > 0 ? { size } : "{}",
  groupKey: group || null,
  options: tags.length > 0 ? { tags } : {},
  isAttempted,
});

const forget = step(
  "forget",
  fc.record({ client, which: fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }) }),
  async (sides, { client: by, which }) => {
    const recorded = picked(sides.model.in(...TERMINAL_STATUSES), which);
    // two replicas may have recorded them
    for (let times = 0; times < 2; times += 1) await clientOf(sides.clients, by).queue.forget(recorded.map(forgotten));
    sides.model.forget(recorded.map(({ id }) => id));
  },
);

/** Time passes for jobs of one set: they are due, lost or overdue. */
const letPass = step(
  "letPass",
  fc.record({
    set: fc.constantFrom("scheduled", "leased", "leased", "outbox"),
    which: fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }),
  }),
  async (sides, { set, which }) => {
    const states = { scheduled: ["scheduled", "retrying"], leased: ["running"], outbox: TERMINAL_STATUSES } as const;
    await pass(sides, set, picked(sides.model.in(...states[set]), which));
  },
);

/**
 * A replica dies with all its jobs, and another replica returns them to the queue. Jobs that lose two leases become
 * poison candidates.
 */
const crash = step("crash", fc.record({ client, victim: client }), async (sides, { client: by, victim }) => {
  const { replica, queue } = clientOf(sides.clients, by);
  await pass(
    sides,
    "leased",
    sides.model.in("running").filter(({ token }) => token.startsWith(clientOf(sides.clients, victim).replica)),
  );
  clientOf(sides.clients, by).seq += 1;
  const before = sides.leases.length;
  await claimWith(sides, by, 0, { io: 0, cpu: 0, types: [] });
  const settlements = sides.leases
    .slice(before)
    .map((lease) => settlementOf(sides, lease, { how: "lost", isLater: false, hasCallback: false }));
  expect(await queue.settle(settlements, OWNED_MS)).toEqual(sides.model.settle(replica, settlements));
});

async function pass({ model, redis }: Sides, set: string, jobs: readonly ModelJob[]): Promise<void> {
  model.letPass(jobs);
  if (jobs.length > 0) await redis.zadd(`${NS}${set}`, "XX", ...jobs.flatMap(({ id }) => [PAST, id]));
}

/** Sequences of steps; the steps that move jobs on are more frequent. */
export const sequences = fc.commands(
  [
    enqueue,
    enqueue,
    enqueueLarge,
    enqueueAgain,
    claim,
    claim,
    claim,
    renew,
    settle,
    settle,
    settle,
    cancel,
    update,
    update,
    run,
    sweep,
    forget,
    letPass,
    crash,
    putSchedule,
    takeSchedules,
    decideTicks,
    decideTicks,
    fireHeld,
    removeSchedule,
  ],
  { maxCommands: 30, size: "max" },
);

/** Lets every job end: due jobs run, lost leases are settled, ended jobs are recorded and forgotten. */
export async function drain(sides: Sides): Promise<void> {
  const { model, clients } = sides;
  const { queue, replica } = clientOf(clients, 0);
  await drainSchedules(sides);
  for (let rounds = 0; model.jobs.size > 0; rounds += 1) {
    if (rounds > 5) throw new Error(`jobs that do not end: ${[...model.jobs.keys()].join(" ")}`);
    await pass(sides, "scheduled", model.in("scheduled", "retrying"));
    await pass(sides, "leased", model.in("running"));
    clientOf(clients, 0).seq += 1;
    for (
      let poisonCandidates = model.in("queued", "scheduled", "retrying").length;
      poisonCandidates >= 0;
      poisonCandidates -= 1
    ) {
      await claimWith(sides, 0, 1, { io: 100, cpu: 100, types: TYPES.map((one) => ({ ...one, slots: 100 })) });
      clientOf(clients, 0).seq += 1;
    }
    const leased = sides.leases.filter(({ id }) => model.jobs.get(id)?.state === "running");
    const settlements = leased.map((lease) =>
      settlementOf(sides, lease, { how: "completed", isLater: false, hasCallback: false }),
    );
    expect(await queue.settle(settlements, OWNED_MS)).toEqual(model.settle(replica, settlements));
    const ended = model.in(...TERMINAL_STATUSES);
    await queue.forget(ended.map(forgotten));
    model.forget(ended.map(({ id }) => id));
  }
  await expectSame(sides);
}
