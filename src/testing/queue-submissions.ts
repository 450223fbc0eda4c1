/** Random submissions to the queue: new ones, of small and large payloads, and repeats. */
import fc from "fast-check";
import { expect } from "vitest";
import type { NewJob } from "./model-job.ts";
import { PAST, tokenOf } from "./model-job.ts";
import { enqueueRaw, submission } from "./queue.ts";
import type { Handed, NewSubmission } from "./queue-model.ts";
import type { Sides } from "./queue-sides.ts";
import { clientOf, nextId, picked } from "./queue-sides.ts";
import { client, FAR_AHEAD, OWNED_MS, step, type } from "./queue-step.ts";

const job = fc.record({
  type,
  priority: fc.constantFrom(5, 5, 5, 9),
  group: fc.constantFrom("", "", "a", "b"),
  tags: fc.constantFrom<string[][]>([], [], ["x"], ["x", "y z"]),
  delayMs: fc.constantFrom(0, 0, 0, 1, 2),
  size: fc.constant(0),
});
const largeJob = fc.record({
  type,
  priority: fc.constantFrom(5, 9),
  group: fc.constantFrom("", "a"),
  tags: fc.constantFrom<string[][]>([], ["x"]),
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
        submissions: jobs.map(({ group, tags, runAt, size, ...rest }) =>
          submission({
            ...rest,
            ...(size > 0 && { payload: { size, data: Buffer.alloc(size, "x") } }),
            groupKey: group || null,
            options: { ...(runAt !== PAST && { run_at: runAt }), ...(tags.length > 0 && { tags }) },
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
  { hasSlots }: { readonly hasSlots: boolean },
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

export const enqueue = step(
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
    await enqueueBoth(sides, by, submissions, { hasSlots });
  },
);

export const enqueueLarge = step(
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
    await enqueueBoth(sides, by, submissions, { hasSlots });
  },
);

/**
 * Repeats a submission, as after a lost reply. Omits jobs that have been forgotten, because their `not_after` has long
 * passed.
 */
export const enqueueAgain = step(
  "enqueueAgain",
  fc.record({ client, hasSlots: fc.boolean(), which: fc.nat(30) }),
  async (sides, { client: by, hasSlots, which }) => {
    const again = picked(
      sides.sent.filter(({ jobs }) => sides.model.jobs.has(jobs[0]?.id ?? "")),
      [which],
    );
    if (again.length > 0) await enqueueBoth(sides, by, again, { hasSlots });
  },
);
