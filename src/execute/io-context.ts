/** The context of a handler of lane `io`: it runs on the main thread and is stopped by its signal. */

import type { Job, ScheduleTick } from "../core/job.ts";
import type { AttemptContext } from "../core/job-type.ts";
import { PermanentError } from "../core/job-type.ts";
import { stateLeft, stateText } from "../core/saved-state.ts";
import type { Attempt, Running, StopReason } from "./attempt.ts";
import { INVALID_STATE } from "./attempt.ts";
import type { TaskThreads } from "./task-threads.ts";

/** Logs a line of a handler. */
export type AttemptLog = (
  job: Pick<Job, "id" | "type" | "attempt">,
  message: string,
  fields?: Record<string, unknown>,
) => void;

/** Saves the state of a running job, as JSON; false if its lease is lost. */
export type SaveState = (job: Job, state: string) => Promise<boolean>;

/** The services of a replica for its handlers. */
export interface IoServices {
  readonly log: AttemptLog;
  readonly save: SaveState;
  readonly tasks: Pick<TaskThreads, "run">;
}

export class IoContext implements AttemptContext<unknown>, Running {
  readonly resource: unknown;
  percent: number | null = null;
  readonly #attempt: Attempt;
  readonly #payload: string;
  readonly #services: IoServices;
  // The context creates signal and functions only for a handler that uses them: together they cost as much as the rest
  // of a quick attempt.
  #controller: AbortController | undefined;
  #abortedFor: StopReason | undefined;

  /** @param payload of the job, as JSON */
  constructor(attempt: Attempt, payload: string, resource: unknown, services: IoServices) {
    this.#attempt = attempt;
    this.#payload = payload;
    this.resource = resource;
    this.#services = services;
  }

  get tool(): unknown {
    return this.resource;
  }

  get jobId(): string {
    return this.#attempt.job.id;
  }

  get attempt(): number {
    return this.#attempt.job.attempt;
  }

  get timeoutMs(): number {
    return this.#attempt.timeoutMs;
  }

  get groupKey(): string | null {
    return this.#attempt.job.groupKey;
  }

  get schedule(): ScheduleTick | null {
    return this.#attempt.job.options.schedule ?? null;
  }

  get payloadJson(): string {
    return this.#payload;
  }

  get state(): unknown {
    return stateLeft(this.#attempt.job);
  }

  get save(): (state: unknown) => Promise<void> {
    return async (state) => {
      const text = stateText(state);
      if (text === undefined) throw new PermanentError(INVALID_STATE, { code: "state_invalid" });
      if (await this.#services.save(this.#attempt.job, text)) {
        this.#attempt.saved = text;
        return;
      }
      this.#attempt.stop("lost");
      throw reasonOf("lost");
    };
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortedFor !== undefined) this.#controller.abort(reasonOf(this.#abortedFor));
    return this.#controller.signal;
  }

  get progress(): (percent: number) => void {
    return (percent) => {
      this.percent = clampProgress(percent);
    };
  }

  get log(): (message: string, fields?: Record<string, unknown>) => void {
    return (message, fields) => {
      this.#attempt.keep(message, fields);
      this.#services.log(this.#attempt.job, message, fields);
    };
  }

  get onThread(): (task: string, argument: unknown, timeoutMs: number) => Promise<unknown> {
    const { type, groupKey } = this.#attempt.job;
    const [signal, turn, payload] = [this.signal, groupKey ?? "", this.#payload];
    return (name, argument, timeoutMs) =>
      this.#services.tasks.run({ type, name, payload, argument }, { timeoutMs, signal, turn });
  }

  abort(reason: StopReason): void {
    this.#abortedFor = reason;
    this.#controller?.abort(reasonOf(reason));
  }
}

/** The reason of the signal, with the stop reason as its code. */
export function reasonOf(reason: StopReason): Error {
  return Object.assign(new Error(reason), { code: reason });
}

export function clampProgress(percent: number): number | null {
  return Number.isFinite(percent) ? Math.min(100, Math.max(0, percent)) : null;
}
