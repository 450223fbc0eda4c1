/** One phase: submits jobs and waits until the last one has ended. */
import { setTimeout as delay } from "node:timers/promises";
import type { Entry, JobCounts } from "./accounting.ts";
import type { Submissions } from "./submit.ts";
import { noSubmissions } from "./submit.ts";

export interface PhaseResult {
  readonly submissions: Submissions;
  readonly entries: readonly Entry[];
  /** The time from the first submission until the last committed row was counted. */
  readonly seconds: number;
}

export interface PhaseOptions {
  readonly tag: string;
  readonly jobCounts: JobCounts;
  readonly submit: (into: Submissions) => Promise<void>;
  /** Called regularly with the numbers of accepted and ended jobs. */
  readonly onProgress: (accepted: number, ended: number) => void;
}

/** If no job ends for this long after the last submission, the missing ones are lost. */
const GIVE_UP_MS = 60_000;
/**
 * Counts at intervals between 20 and 500 ms. Counting takes at most a tenth of the time, because it must not load the
 * server.
 */
const COUNT_EVERY_MS = { least: 20, most: 500 };

export async function runPhase({ tag, jobCounts, submit, onProgress }: PhaseOptions): Promise<PhaseResult> {
  const submissions = noSubmissions();
  const startedAt = performance.now();
  let isSubmitting = true;
  const submitting = submit(submissions).finally(() => {
    isSubmitting = false;
  });
  let ended = 0;
  let lastEndedAt = startedAt;
  const watch = async (): Promise<void> => {
    while (isSubmitting || (ended < submissions.acceptedIds.length && performance.now() - lastEndedAt < GIVE_UP_MS)) {
      const askedAt = performance.now();
      const count = await jobCounts.count(tag);
      const seenAt = performance.now();
      if (count > ended) [ended, lastEndedAt] = [count, seenAt];
      onProgress(submissions.acceptedIds.length, ended);
      await delay(Math.min(COUNT_EVERY_MS.most, Math.max(COUNT_EVERY_MS.least, 9 * (seenAt - askedAt))));
    }
  };
  await Promise.all([submitting, watch()]);
  return { submissions, entries: await jobCounts.entries(tag), seconds: (lastEndedAt - startedAt) / 1_000 };
}
