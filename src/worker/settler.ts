/**
 * Settles attempts that have ended. Attempts that end during a call make the next batch. The settler sends a batch
 * until it gets an answer: a repeat is harmless, and the leases are renewed meanwhile. If the script fails, so would
 * every repeat: the settler halves the batch until the job that causes it is alone, and fails that job. Terminal
 * outcomes go to the recorder.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Backoff } from "../core/backoff.ts";
import { batchLength } from "../core/batch-limits.ts";
import type { FlowMember } from "../core/flows/flow.ts";
import type { AttemptDiagnostics, AttemptOutcome, Job, Outcome, Submission } from "../core/job.ts";
import { isLarge, sizeOf } from "../core/payload.ts";
import type { AttemptEnd, Verdict } from "../core/settle.ts";
import { settle } from "../core/settle.ts";
import { messageOf, ScriptFailed } from "../errors.ts";
import type { Queue } from "../queue/queue.ts";
import { OUTBOX_OWNED_MS, type SettleAnswer, type Settlement } from "../queue/settlement.ts";
import { callRetryMs } from "./call-retry.ts";
import type { Ended } from "./ended.ts";
import { fitting, outcomeName, outcomeOf, recordOf } from "./ended.ts";

/** Jobs in one call: about 5 ms of Redis. */
const MAX_BATCH = 1_000;
/** A call ends with the job whose result reaches this many characters: about 10 ms of the event loop. */
const MAX_BATCH_CHARS = 2 * 1024 * 1024;
export interface SettlerOptions {
  readonly queue: Pick<Queue, "settle" | "clock">;
  readonly replica: string;
  readonly backoffOf: (job: Job) => Backoff;
  /** Jobs whose outcome is in the outbox now. */
  readonly onTerminal: (outcomes: readonly Outcome[]) => void;
  /** Called when a job is settled, or (`stale`) another replica has its lease. */
  readonly onSettled: (job: Job, outcome: AttemptOutcome | "stale") => void;
  /** The callback job of a terminal outcome, if the submission asked for one. */
  readonly callbackOf: (outcome: Outcome) => { readonly id: string; readonly submission: Submission } | undefined;
  readonly onError: (error: unknown) => void;
}

/** The characters that a settle sends to Redis, or moves inside it. */
function settledChars({ job, verdict, resolved = job }: Ended): number {
  let chars = verdict.kind === "completed" ? verdict.result.length : 0;
  if (job.options.callback_url !== undefined) chars += sizeOf(resolved.payload); // the callback has the whole job
  // The script appends to the history; most jobs have none, and even an empty loop takes an iterator
  if (job.history.length > 0) for (const record of job.history) chars += record.length;
  return chars;
}

/** What the flow of a job learns of its end. */
function membershipOf(flow: FlowMember, verdict: Verdict): Pick<Settlement, "flow" | "result" | "error"> {
  if (!flow.keeps) return { flow };
  return {
    flow,
    ...(verdict.kind === "completed" && { result: verdict.result }),
    ...(verdict.kind === "failed" && { error: JSON.stringify(verdict.error) }),
  };
}

export class Settler {
  readonly #options: SettlerOptions;
  #ended: Ended[] = [];
  #loop: Promise<void> | undefined;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /**
   * Judges an attempt that has ended, and settles it with the next batch.
   * @param left what the attempt left: the state that it saved last, and the job with the payload that ran
   */
  ended(job: Job, end: AttemptEnd, diagnostics?: AttemptDiagnostics, left?: Pick<Ended, "saved" | "resolved">): void {
    const { queue, backoffOf, replica } = this.#options;
    const now = queue.clock.now();
    const verdict = settle(job, end, backoffOf(job), now, Math.random());
    const isTried = end.kind !== "expired";
    this.#ended.push({
      job,
      verdict,
      finishedAt: now,
      worker: !isTried ? null : end.kind === "lost" ? (job.worker ?? replica) : replica,
      startedAt: isTried ? job.startedAt : null,
      diagnostics: diagnostics && fitting(diagnostics, job),
      saved: left?.saved,
      resolved: left?.resolved,
    });
    this.#loop ??= this.#run();
  }

  /** Resolves when all ended attempts are settled. */
  async idle(): Promise<void> {
    while (this.#loop) await this.#loop;
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // attempts that end in this tick travel together
    let failures = 0;
    let size = MAX_BATCH;
    while (this.#ended.length > 0) {
      const batch = this.#take(size);
      try {
        const outcomes = batch.map((ended) => outcomeOf(ended));
        const settlements = batch.map((ended, i) => this.#settlementOf(ended, outcomes[i]));
        this.#settled(batch, outcomes, await this.#options.queue.settle(settlements, OUTBOX_OWNED_MS));
        failures = 0;
        size = MAX_BATCH;
      } catch (error) {
        if (error instanceof ScriptFailed) {
          this.#ended.unshift(
            ...(batch.length === 1 ? batch.flatMap((ended) => this.#unsettleable(ended, error)) : batch),
          );
          size = Math.max(1, batch.length >> 1);
          continue;
        }
        this.#ended.unshift(...batch);
        if (failures === 0) this.#options.onError(error);
        failures += 1;
        await sleep(callRetryMs(failures));
      }
    }
    this.#loop = undefined;
  }

  /**
   * Settles the job as failed instead. If even that fails, the lease expires, and the crash budget ends the job.
   */
  #unsettleable(ended: Ended, error: ScriptFailed): readonly Ended[] {
    this.#options.onError(error);
    const {
      job,
      verdict: { attempt, crashes, deferrals },
      isUnsettleable,
    } = ended;
    if (isUnsettleable) {
      this.#options.onSettled(job, "stale");
      return [];
    }
    const message = `the outcome of this attempt could not be settled: ${messageOf(error)}`;
    const verdict: Verdict = {
      kind: "failed",
      error: { code: "unrecordable", message, attempt },
      attempt,
      crashes,
      deferrals,
    };
    return [{ ...ended, verdict, diagnostics: undefined, isUnsettleable: true }];
  }

  /** Takes the next batch from the attempts that have ended. */
  #take(maxItems: number): readonly Ended[] {
    return this.#ended.splice(0, batchLength(this.#ended, { maxItems, maxSize: MAX_BATCH_CHARS }, settledChars));
  }

  #settlementOf(ended: Ended, outcome: Outcome | undefined): Settlement {
    const { job, verdict } = ended;
    const callback = outcome && job.options.callback_url !== undefined ? this.#options.callbackOf(outcome) : undefined;
    const settlement: Settlement = {
      id: job.id,
      type: job.type,
      priority: job.priority,
      isLarge: isLarge(job.payload),
      claimSeq: job.claimSeq,
      startedAt: job.startedAt ?? 0,
      attempt: verdict.attempt,
      crashes: verdict.crashes,
      deferrals: verdict.deferrals,
      verdict: verdict.kind,
      runAt: verdict.kind === "retry" ? verdict.runAt : 0,
      record: recordOf(ended),
      callback,
    };
    return job.options.flow ? { ...settlement, ...membershipOf(job.options.flow, verdict) } : settlement;
  }

  #settled(
    batch: readonly Ended[],
    outcomes: readonly (Outcome | undefined)[],
    answers: readonly SettleAnswer[],
  ): void {
    const terminal: Outcome[] = [];
    batch.forEach((ended, i) => {
      const { job, verdict } = ended;
      const answer = answers[i];
      if (answer === "cancelRequested") {
        this.#ended.push({
          ...ended,
          verdict: {
            kind: "cancelled",
            attempt: verdict.attempt,
            crashes: verdict.crashes,
            deferrals: verdict.deferrals,
          },
        });
        return;
      }
      const outcome = outcomes[i];
      if (outcome && answer !== "stale") terminal.push(outcome);
      this.#options.onSettled(job, answer === "stale" ? "stale" : outcomeName(verdict));
    });
    if (terminal.length > 0) this.#options.onTerminal(terminal);
  }
}
