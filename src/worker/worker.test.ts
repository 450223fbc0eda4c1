import { Type } from "typebox";
import { expect, it } from "vitest";
import { fixed } from "../core/backoff.ts";
import { type AnyJobDefinition, defineJob } from "../core/job-type.ts";
import { OutcomeUnknown } from "../errors.ts";
import { Executor } from "../execute/executor.ts";
import type { Queue } from "../queue/queue.ts";
import { noThread } from "../testing/no-thread.ts";
import { enqueue, openQueue, submission } from "../testing/queue.ts";
import { freshRedis } from "../testing/services.ts";
import { smallPayloads } from "../testing/small-payloads.ts";
import { Beat } from "./beat.ts";
import { Leases } from "./leases.ts";
import { Settler } from "./settler.ts";
import { Slots } from "./slots.ts";
import { Worker } from "./worker.ts";

const BACKOFF = fixed(60_000);
const noop = defineJob({
  type: "noop",
  lane: "io",
  payload: Type.Object({}),
  attempts: 3,
  timeoutMs: 1_000,
  backoff: BACKOFF,
  run: () => null,
}) as AnyJobDefinition;

it("gives back, as it drains, what a claim leased whose answer was lost", async () => {
  const queue = await openQueue((await freshRedis()).address);
  const [id = ""] = await enqueue(queue, submission({ payload: "{}" }));
  let claims = 0;
  const claim: Queue["claim"] = async (...args) => {
    const answer = await queue.claim(...args);
    expect(answer.claimed).toHaveLength(1);
    claims += 1;
    if (claims === 1) throw new OutcomeUnknown("the answer was lost");
    return answer;
  };
  const executor = new Executor({
    ...smallPayloads,
    definitions: [noop],
    threads: { run: noThread, tasks: { run: noThread } },
    log: () => undefined,
  });
  const leases = new Leases({
    queue,
    leaseMs: 15_000,
    beat: new Beat(),
    about: () => "{}",
    onGivenUp: () => undefined,
    onError: () => undefined,
  });
  const options = {
    replica: "unused",
    backoffOf: () => BACKOFF,
    onTerminal: () => undefined,
    callbackOf: () => undefined,
    onError: () => undefined,
  };
  const settler = new Settler({
    queue,
    ...options,
    onSettled: (job, outcome) => worker.settled(job, outcome),
  });
  const hooks = {
    onPickup: () => undefined,
    onRan: () => undefined,
    onAttempt: () => undefined,
    onError: () => undefined,
    onUnfit: () => undefined,
  };
  const worker = new Worker({
    queue: { claim, clock: queue.clock, leaseMs: queue.leaseMs },
    executor,
    slots: new Slots([noop], 10, 0),
    leases,
    settler,
    claimLimit: 10,
    shouldPause: () => false,
    hooks,
  });
  worker.open();
  await worker.drain(0);
  expect(claims).toBe(2);
  expect(await queue.read([id])).toMatchObject([{ status: "queued", attempt: 0, crashes: 0 }]);
  expect(leases.jobs.length).toBe(0);
  queue.close();
});
