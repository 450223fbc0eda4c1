/** Random attempts of the queue's clients: claims, renewals and settlements. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Callback } from "../core/job.ts";
import type { FreeSlots } from "../queue/claim.ts";
import type { Settlement } from "../queue/settlement.ts";
import { PAST } from "./model-job.ts";
import { submission } from "./queue.ts";
import type { Handed } from "./queue-model.ts";
import type { Sides } from "./queue-sides.ts";
import { clientOf, nextId, picked } from "./queue-sides.ts";
import { CALLBACK, client, FAR_AHEAD, OWNED_MS, step, TYPES } from "./queue-step.ts";

const slots = fc.record({
  io: fc.nat(4),
  cpu: fc.nat(2),
  ofType: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
  order: fc.shuffledSubarray([...TYPES], { minLength: 0 }),
});

export async function claimWith(sides: Sides, by: number, poisonCandidates: 0 | 1, free: FreeSlots): Promise<void> {
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
export const claim = step(
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

/** Leases of a client, or of any client: 0 is the newest. */
function leasesOf(sides: Sides, owner: number | undefined, which: readonly number[]): Sides["leases"] {
  return picked(sides.leases.filter((lease) => owner === undefined || lease.client === owner).reverse(), which);
}

const renewing = fc.record({
  client,
  isForeign: fc.constantFrom(false, false, true),
  which: fc.array(fc.nat(10), { minLength: 1, maxLength: 4 }),
  progress: fc.constantFrom(null, 0, 7, 100),
});
export const renew = step("renew", renewing, async (sides, { client: by, isForeign, which, progress }) => {
  const { queue, replica } = clientOf(sides.clients, by);
  const byId = new Map(
    leasesOf(sides, isForeign ? undefined : by, which).map(({ id, seq }) => [id, { id, claimSeq: seq, progress }]),
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
export const settle = step(
  "settle",
  fc.record({
    client,
    isForeign: fc.constantFrom(false, false, false, true),
    endings: fc.array(ending, { minLength: 1, maxLength: 4 }),
  }),
  async (sides, { client: by, isForeign, endings }) => {
    const { queue, replica } = clientOf(sides.clients, by);
    const settlements = endings.flatMap(({ which, ...end }) =>
      leasesOf(sides, isForeign ? undefined : by, [which]).map((lease) => settlementOf(sides, lease, end)),
    );
    expect(await queue.settle(settlements, OWNED_MS)).toEqual(sides.model.settle(replica, settlements));
  },
);

export function callbackOf(sides: Sides): Callback {
  return { id: nextId(sides), submission: submission({ type: CALLBACK.type }) };
}

export function settlementOf(
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
