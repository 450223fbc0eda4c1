import { randomBytes } from "node:crypto";
import { idPrefix, makeId } from "../core/id.ts";
import type { Outcome, Submission } from "../core/job.ts";

let made = 0;
const high30 = randomBytes(4).readUInt32BE() >>> 2;

/** An id of a job accepted at `epochMs`, higher than all made before it for the same time. */
export function idAt(epochMs: number): string {
  made += 1;
  return makeId(idPrefix(epochMs, 0, high30), made);
}

type OutcomeFields = Partial<Omit<Outcome, "job">> & { readonly job?: Partial<Submission & { readonly id: string }> };

/** The outcome of a small e-mail job that was accepted, run and finished now, with the given fields changed. */
export function outcomeWith({ job, ...fields }: OutcomeFields = {}): Outcome {
  const now = Date.now();
  return {
    job: {
      id: idAt(now),
      type: "email",
      payload: `{"to":"a@example.org"}`,
      priority: 5,
      maxAttempts: 3,
      groupKey: null,
      options: {},
      ...job,
    },
    status: "completed",
    result: `{"accepted":1}`,
    error: null,
    attempt: 1,
    worker: "replica1",
    startedAt: now + 3,
    finishedAt: now + 8,
    records: [],
    ...fields,
  };
}

/** This many outcomes of consecutive jobs. */
export function outcomes(count: number): Outcome[] {
  return Array.from({ length: count }, () => outcomeWith());
}
