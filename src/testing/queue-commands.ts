/** Random steps of the queue's clients, each applied to the model and to Redis, and compared. */
import fc from "fast-check";
import { expect } from "vitest";
import { idPrefix, makeId } from "../core/id.ts";
import type { Callback } from "../core/job.ts";
import { TERMINAL_STATUSES } from "../core/job.ts";
import type { Payload } from "../core/payload.ts";
import type { FreeSlots } from "../queue/claim.ts";
import type { Settlement } from "../queue/settlement.ts";
import type { ModelJob, NewJob } from "./model-job.ts";
import { PAST, tokenOf } from "./model-job.ts";
import { enqueueRaw, submission } from "./queue.ts";
import type { Handed, NewSubmission } from "./queue-model.ts";
import type { Sides } from "./queue-sides.ts";
import { clientOf, expectSame, NS, nextId, picked } from "./queue-sides.ts";

const CALLBACK = { type: "hook", lane: "cpu" } as const;
const TYPES = [{ type: "mail", lane: "io" }, { type: "noop", lane: "io" }, CALLBACK] as const;
/** The year 2100, epoch ms: no job becomes due during a test. */
const FAR_AHEAD = 4_102_444_800_000;
const OWNED_MS = 3_600_000;

type Step = fc.AsyncCommand<{ sides: Sides }, Sides>;

function step<Args>(
  name: string,
  args: fc.Arbitrary<Args>,
  run: (sides: Sides, args: Args) => Promise<void>,
): fc.Arbitrary<Step> {
  return args.map((given) => ({
    check: () => true,
    run: async (_, sides) => {
      await run(sides, given);
      await expectSame(sides);
    },
    toString: () => `${name}(${JSON.stringify(given)})`,
  }));
}

const client = fc.nat(2);
const type = fc.constantFrom(...TYPES.map((one) => one.type));
const job = fc.record({
  type,
  priority: fc.constantFrom(5, 5, 5, 9),
  group: fc.constantFrom("", "", "a", "b"),
  delayMs: fc.constantFrom(0, 0, 0, 1, 2),
  size: fc.constant(0),
});
const largeJob = fc.record({
  type,
  priority: fc.constantFrom(5, 9),
  group: fc.constantFrom("", "a"),
  delayMs: fc.constantFrom(0, 0, 1),
  size: fc.constantFrom(0, 100, 200),
});
const sending = fc.record({
  jobs: fc.array(job, { minLength: 1, maxLength: 3 }),
  key: fc.constantFrom(null, null, "k1", "k2"),
  fingerprint: fc.constantFrom("same", "same", "other"),
});

function send({ clients }: Sides, by: number, submissions: readonly NewSubmission[]): Promise<unknown[]> {
  const queue = clientOf(clients, by).queue;
  return Promise.all(
    submissions.map(({ jobs, key, fingerprint }) =>
      enqueueRaw(queue, {
        ids: jobs.map(({ id }) => id),
        submissions: jobs.map(({ group, runAt, size, ...rest }) =>
          submission({
            ...rest,
            ...(size > 0 && { payload: { size, data: Buffer.alloc(size, "x") } }),
            groupKey: group || null,
            options: runAt === PAST ? {} : { run_at: runAt },
          }),
        ),
        ...(key !== null && { idempotency: { key, fingerprint, ttlMs: OWNED_MS } }),
      }),
    ),
  );
}

/** Sends to both sides. A client with slots leases at once the jobs that no other job waits before. */
async function enqueueBoth(
  sides: Sides,
  by: number,
  submissions: readonly NewSubmission[],
  hasSlots: boolean,
): Promise<void> {
  const { runner, replica } = clientOf(sides.clients, by);
  runner.hasSlots = hasSlots;
  const answers = await send(sides, by, submissions);
  const started = runner.started.splice(0);
  const seq = started[0]?.claimSeq ?? 0;
  const leased: Handed[] = [];
  expect(answers).toEqual(
    sides.model.enqueue(submissions, hasSlots ? { token: tokenOf(replica, seq), leased } : undefined),
  );
  expect(started.map(({ id, attempt, crashes }) => ({ id, attempt, crashes }))).toEqual(leased);
  expect(runner.reserved).toBe(0);
  sides.leases.push(...leased.map((one) => ({ ...one, client: by, seq })));
}

const enqueue = step(
  "enqueue",
  fc.record({ client, hasSlots: fc.boolean(), calls: fc.array(sending, { minLength: 1, maxLength: 2 }) }),
  async (sides, { client: by, hasSlots, calls }) => {
    const submissions = calls.map(({ jobs, ...rest }) => {
      const made: NewJob[] = jobs.map(({ delayMs, ...one }) => ({
        ...one,
        id: nextId(sides),
        runAt: delayMs === 0 ? PAST : FAR_AHEAD + delayMs,
      }));
      return { ...rest, jobs: made };
    });
    sides.sent.push(...submissions);
    await enqueueBoth(sides, by, submissions, hasSlots);
  },
);

const enqueueLarge = step(
  "enqueueLarge",
  fc.record({
    client,
    hasSlots: fc.boolean(),
    jobs: fc.array(largeJob, { minLength: 1, maxLength: 3 }),
    key: fc.constantFrom(null, "k1"),
  }),
  async (sides, { client: by, hasSlots, jobs, key }) => {
    const made: NewJob[] = jobs.map(({ delayMs, ...one }) => ({
      ...one,
      id: nextId(sides),
      runAt: delayMs === 0 ? PAST : FAR_AHEAD + delayMs,
    }));
    const submissions = [{ jobs: made, key, fingerprint: "same" }];
    sides.sent.push(...submissions);
    await enqueueBoth(sides, by, submissions, hasSlots);
  },
);

/**
 * Repeats a submission, as after a lost reply. Omits jobs that have been forgotten, because their `not_after` has long
 * passed.
 */
const enqueueAgain = step(
  "enqueueAgain",
  fc.record({ client, hasSlots: fc.boolean(), which: fc.nat(30) }),
  async (sides, { client: by, hasSlots, which }) => {
    const again = picked(
      sides.sent.filter(({ jobs }) => sides.model.jobs.has(jobs[0]?.id ?? "")),
      [which],
    );
    if (again.length > 0) await enqueueBoth(sides, by, again, hasSlots);
  },
);

const slots = fc.record({
  io: fc.nat(4),
  cpu: fc.nat(2),
  ofType: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
  order: fc.shuffledSubarray([...TYPES], { minLength: 0 }),
});

async function claimWith(sides: Sides, by: number, poisonCandidates: 0 | 1, free: FreeSlots): Promise<void> {
  const { queue, replica, seq } = clientOf(sides.clients, by);
  const expected = sides.model.claim(replica, seq, poisonCandidates, free);
  const { claimed, lost, isMoreLeft, nextDueAt } = await queue.claim(seq, poisonCandidates, free);
  const handed = (jobs: typeof claimed): Handed[] => jobs.map(({ id, attempt, crashes }) => ({ id, attempt, crashes }));
  expect({ claimed: handed(claimed), lost: handed(lost), isMoreLeft, nextDueAt }).toEqual(expected);
  sides.leases.push(...[...expected.lost, ...expected.claimed].map((one) => ({ ...one, client: by, seq })));
}

const bytes = fc.record({ free: fc.constantFrom(0, 100, 250, 1_000), isUnused: fc.boolean() });
const claimArgs = fc.record({
  client,
  bytes,
  lostOnce: fc.constantFrom(0, 0, 1),
  poisonCandidates: fc.constantFrom<(0 | 1)[]>(1, 1, 0),
  slots,
  isRepeat: fc.constantFrom(false, false, false, true),
});
const claim = step(
  "claim",
  claimArgs,
  async (
    sides,
    { client: by, bytes: room, lostOnce, poisonCandidates, slots: { io, cpu, ofType, order }, isRepeat },
  ) => {
    const caller = clientOf(sides.clients, by);
    if (!isRepeat || caller.seq === 0) caller.seq += 1;
    await claimWith(sides, by, poisonCandidates, {
      io,
      cpu,
      bytes: room,
      lostOnce,
      types: order.map((one, i) => ({ ...one, slots: ofType[i] ?? 0 })),
    });
  },
);

/** Leases of the client, or of any client: 0 is the newest. */
function leasesOf(sides: Sides, by: number, isForeign: boolean, which: readonly number[]): Sides["leases"] {
  return picked(sides.leases.filter((lease) => isForeign || lease.client === by).reverse(), which);
}

const renewing = fc.record({
  client,
  isForeign: fc.constantFrom(false, false, true),
  which: fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }),
  progress: fc.constantFrom(null, 0, 7, 100),
});
const renew = step("renew", renewing, async (sides, { client: by, isForeign, which, progress }) => {
  const { queue, replica } = clientOf(sides.clients, by);
  const byId = new Map(
    leasesOf(sides, by, isForeign, which).map(({ id, seq }) => [id, { id, claimSeq: seq, progress }]),
  );
  const running = [...byId.values()];
  expect(await queue.renew(running, `{"id":"${replica}"}`)).toEqual(sides.model.renew(replica, running));
});

const ending = fc.record({
  which: fc.nat(10),
  how: fc.constantFrom("completed", "failed", "cancelled", "retry", "retry", "lost", "lost", "released"),
  isLater: fc.boolean(),
  hasCallback: fc.boolean(),
});
const settle = step(
  "settle",
  fc.record({
    client,
    isForeign: fc.constantFrom(false, false, false, true),
    endings: fc.array(ending, { minLength: 1, maxLength: 4 }),
  }),
  async (sides, { client: by, isForeign, endings }) => {
    const { queue, replica } = clientOf(sides.clients, by);
    const settlements = endings.flatMap(({ which, ...end }) =>
      leasesOf(sides, by, isForeign, [which]).map((lease) => settlementOf(sides, lease, end)),
    );
    expect(await queue.settle(settlements, OWNED_MS)).toEqual(sides.model.settle(replica, settlements));
  },
);

function callbackOf(sides: Sides): Callback {
  return { id: nextId(sides), submission: submission({ type: CALLBACK.type }) };
}

function settlementOf(
  sides: Sides,
  { id, seq, attempt, crashes }: Sides["leases"][number],
  { how, isLater, hasCallback }: { how: "lost" | Settlement["verdict"]; isLater: boolean; hasCallback: boolean },
): Settlement {
  const verdict = how === "lost" ? "retry" : how;
  const isGivenBack = how === "lost" || how === "released";
  const counters = {
    attempt: isGivenBack ? Math.max(0, attempt - 1) : attempt,
    crashes: isGivenBack ? crashes : 0,
    deferrals: how === "retry" ? 1 : 0,
  };
  const waitsAgain = verdict === "retry" || verdict === "released";
  const callback = hasCallback && !waitsAgain ? callbackOf(sides) : undefined;
  const { type = "noop", priority = 5 } = sides.model.jobs.get(id) ?? {};
  return {
    id,
    type,
    priority,
    isLarge: (sides.model.jobs.get(id)?.size ?? 0) > 0,
    claimSeq: seq,
    startedAt: 0,
    verdict,
    ...counters,
    runAt: verdict === "retry" && isLater ? FAR_AHEAD + 9 : PAST,
    record: how === "released" ? "" : `{"outcome":"${how}"}`,
    ...(callback && { callback }),
  };
}

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

const forgotten = ({ id, type: of, size }: ModelJob): { id: string; type: string; payload: Payload } => ({
  id,
  type: of,
  payload: size > 0 ? { size } : "{}",
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
  ],
  { maxCommands: 30, size: "max" },
);

/** Lets every job end: due jobs run, lost leases are settled, ended jobs are recorded and forgotten. */
export async function drain(sides: Sides): Promise<void> {
  const { model, clients } = sides;
  const { queue, replica } = clientOf(clients, 0);
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
