import { Type } from "typebox";
import { expect, it } from "vitest";
import { fixed } from "../core/backoff.ts";
import { type AnyJobDefinition, defineJob } from "../core/job-type.ts";
import { largePayload } from "../core/payload.ts";
import { OutcomeUnknown } from "../errors.ts";
import { Executor } from "../execute/executor.ts";
import type { ResolveReferences } from "../execute/resolve-references.ts";
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

interface Options {
  readonly queue: Queue;
  readonly claim: Queue["claim"];
  readonly slots: Slots;
  readonly definition?: AnyJobDefinition;
  readonly resolve?: ResolveReferences;
}

function openWorker({ queue, claim, slots, definition = noop, resolve }: Options) {
  const executor = new Executor({
    ...smallPayloads,
    ...(resolve && { resolve }),
    definitions: [definition],
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
    slots,
    leases,
    settler,
    claimLimit: 10,
    shouldPause: () => false,
    hooks,
  });
  worker.open();
  return { worker, leases, settler };
}

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
  const { worker, leases } = openWorker({ queue, claim, slots: new Slots([noop], 10, 0) });
  await worker.drain(0);
  expect(claims).toBe(2);
  expect(await queue.read([id])).toMatchObject([{ status: "queued", attempt: 0, crashes: 0 }]);
  expect(leases.jobs.length).toBe(0);
  queue.close();
});

it("counts a payload that becomes large as its references are resolved, while it runs", async () => {
  const queue = await openQueue((await freshRedis()).address);
  const slots = new Slots([noop], 10, 0, 1_000_000);
  const free = (): number => slots.free(10).bytes?.free ?? 0;
  const seen: number[] = [];
  let ran: () => void = () => undefined;
  const hasRun = new Promise<void>((resolve) => {
    ran = resolve;
  });
  const run = (payload: unknown): null => {
    seen.push((payload as { readonly text: string }).text.length, free());
    ran();
    return null;
  };
  const data = Buffer.from(JSON.stringify({ text: "x".repeat(50_000) }));
  const { worker, settler } = openWorker({
    ...{ queue, slots },
    claim: (...args) => queue.claim(...args),
    definition: { ...noop, run },
    resolve: (job) => Promise.resolve({ job: { ...job, payload: largePayload(data) } }),
  });
  const flow = { id: queue.ids.next(), at: 0, refs: true } as const;
  await enqueue(queue, submission({ payload: "{}", options: { flow } }));
  worker.wake();
  await hasRun;
  await worker.drain(5_000);
  await settler.idle();
  expect(seen).toEqual([50_000, 1_000_000 - data.length]);
  expect(free()).toBe(1_000_000);
  queue.close();
});
