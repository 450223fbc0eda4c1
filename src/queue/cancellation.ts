/** A cancellation: the arguments and the reply of cancel.lua. */

import { encodeRecord, outcomeOf } from "../core/attempt-record.ts";
import { digits } from "../core/header.ts";
import type { Callback, CallbackOf, Job, Submission } from "../core/job.ts";
import { decodeSubmission, encodeSubmission, readJob, wholePacked } from "../core/packed-job.ts";
import type { RedisClock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { PayloadStore } from "./payload-store.ts";
import { CALL_TIMEOUT_MS } from "./queue-options.ts";
import { scripts } from "./scripts.ts";

/**
 * How long a withdrawn job stays in the outbox, although it is recorded at once: while Redis has it, a restore that did
 * not find it before cannot enqueue it. A restore takes up to 20 s from its look-up, and an enqueue may be under way
 * for SUBMIT_TIMEOUT_MS, a minute at most.
 */
const WITHDRAWN_MS = 90_000;

/** withdrawn: Redis did not have the job; it is cancelled before it was enqueued. */
export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled" | "withdrawn" | "running" | "finished"; readonly job: Job };

/** A submission as the job that it becomes in Redis. */
function jobOfSubmission(id: string, submission: Submission): Job {
  return { ...decodeSubmission(id, encodeSubmission({ ...submission, payload: "" })), payload: submission.payload };
}

/**
 * The arguments that end a waiting job, and its callback.
 * @param job as it was read: the callback is valid while the job has as many attempts @param finishedAt epoch ms,
 * Redis's
 * @param packed the packed submission of a job that Redis may not have
 */
function encodeCancellation(
  job: Job,
  finishedAt: number,
  callbackOf: CallbackOf,
  packed = "",
): { readonly callback: Callback | undefined; readonly args: readonly string[] } {
  const record = encodeRecord({
    attempt: 0,
    outcome: "cancelled",
    worker: null,
    started_at: null,
    finished_at: finishedAt,
  });
  const outcome = outcomeOf({ ...job, status: "cancelled", history: [...job.history, record] });
  const callback = outcome && callbackOf(outcome);
  const args = [
    digits(job.attempt, 2),
    record,
    packed,
    ...(callback ? [callback.id, callback.submission.type, encodeSubmission(callback.submission)] : []),
  ];
  return { callback, args };
}

/**
 * The job after the call.
 * @param job as it was read before
 * @param state the job's entry in the hash, or the packed job if the hash has no entry
 */
function cancelledJob(job: Job, state: string): Job {
  const { payload } = job;
  return { ...readJob(job.id, wholePacked(encodeSubmission({ ...job, payload: "" }), state)), payload };
}

export interface CancellationsParts {
  readonly ns: string;
  readonly clock: Pick<RedisClock, "now">;
  readonly connections: { readonly work: Pick<Connection, "run"> };
  readonly payloads: Pick<PayloadStore, "putAll">;
  /** The job as it is now; undefined if Redis does not have it. */
  readonly read: (id: string) => Promise<Job | undefined>;
}

export class Cancellations {
  readonly #parts: CancellationsParts;

  constructor(parts: CancellationsParts) {
    this.#parts = parts;
  }

  /** As {@link Queue.cancel}. */
  async cancel(
    id: string,
    outboxOwnedMs: number,
    callbackOf: CallbackOf,
    accepted?: Submission,
  ): Promise<CancelAnswer> {
    const { ns, clock, connections, payloads, read } = this.#parts;
    for (;;) {
      const live = await read(id);
      const job = live ?? (accepted && jobOfSubmission(id, accepted));
      if (!job) return { kind: "missing" };
      const packed = live ? "" : encodeSubmission(job);
      const { callback, args } = encodeCancellation(job, clock.now(), callbackOf, packed);
      await payloads.putAll([live ? undefined : { id, submission: job }, callback]);
      const ownedMs = live ? outboxOwnedMs : WITHDRAWN_MS;
      const reply = await connections.work.run(scripts.cancel, [ns, id, String(ownedMs), ...args], CALL_TIMEOUT_MS);
      const [kind, state = ""] = reply as [CancelAnswer["kind"] | "changed", string?];
      if (kind === "missing") return { kind };
      if (kind !== "changed") return { kind, job: cancelledJob(job, state) };
    } // the job ran meanwhile, and waits again: read it once more
  }
}
