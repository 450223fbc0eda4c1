/**
 * Runs one attempt and never throws: a handler's return, throw, crash or endless loop all become an `AttemptEnd`.
 * Handlers of lane `io` run here, on the main thread; those of lane `cpu` on a pool thread.
 */

import type { Job } from "../core/job.ts";
import type { AnyJobDefinition, Lane, Services } from "../core/job-type.ts";
import type { LargePayload } from "../core/payload.ts";
import { isLarge } from "../core/payload.ts";
import { stateLeft } from "../core/saved-state.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { Running, StopReason } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptLog, IoServices, SaveState } from "./io-context.ts";
import { IoContext } from "./io-context.ts";
import type { IoThreads } from "./io-threads.ts";
import { MAIN_THREAD_BYTES } from "./io-threads.ts";
import type { ResolveReferences } from "./resolve-references.ts";
import { Resources } from "./resources.ts";
import { readProgress, shareProgress } from "./shared-progress.ts";
import type { TaskThreads } from "./task-threads.ts";
import type { HandlerMessage, ThreadReport, Threads, ThreadTask } from "./threads.ts";

export interface ExecutorOptions {
  /** The types that this replica runs. */
  readonly definitions: readonly AnyJobDefinition[];
  readonly threads: Pick<Threads, "run"> & { readonly tasks: Pick<TaskThreads, "run"> };
  readonly ioThreads: Pick<IoThreads, "run">;
  /** The bytes of a job's large payload, in a separate buffer; undefined if they are missing. */
  readonly payload: (id: string, size: number) => Promise<Uint8Array | undefined>;
  /** Absent where no job has references. */
  readonly resolve?: ResolveReferences;
  readonly save: SaveState;
  readonly log: AttemptLog;
}

const decoder = new TextDecoder();

const unresolvable: ResolveReferences = (job) => Promise.resolve({ job });

/**
 * Up to this size, a payload stays in memory for its row, even during an outage of Postgres. The recorder fetches a
 * larger one again.
 */
const MAX_KEPT_BYTES = 1024 * 1024;

/** Stands in for the runner of an attempt while its payload is fetched. */
const NOTHING_YET: Running = { percent: null, abort: () => undefined };

export class Executor {
  readonly #definitions: ReadonlyMap<string, AnyJobDefinition>;
  readonly #threads: ExecutorOptions["threads"];
  readonly #ioThreads: Pick<IoThreads, "run">;
  readonly #payload: ExecutorOptions["payload"];
  readonly #resolve: ResolveReferences;
  readonly #log: AttemptLog;
  readonly #services: IoServices;
  readonly #resources: Resources;
  #starting: Job | undefined;
  /**
   * Attempts on threads, until their threads have ended them: this replica may claim a job again while the earlier
   * attempt, whose lease it lost, is still ending. `close` waits for the promises.
   */
  readonly #onThreads = new Map<Attempt, Promise<void>>();

  constructor({ definitions, threads, ioThreads, payload, resolve = unresolvable, save, log }: ExecutorOptions) {
    this.#definitions = new Map(definitions.map((definition) => [definition.type, definition]));
    this.#threads = threads;
    this.#ioThreads = ioThreads;
    this.#payload = payload;
    this.#resolve = resolve;
    this.#log = log;
    this.#services = { log, save, tasks: threads.tasks };
    this.#resources = new Resources(definitions.filter(({ lane }) => lane === "io"));
  }

  async open(settings: Readonly<Record<string, unknown>>, services: Services): Promise<void> {
    await this.#resources.open(settings, services);
  }

  /** The job whose handler of lane `io` has been called and has not returned its promise yet. */
  get starting(): Job | undefined {
    return this.#starting;
  }

  /**
   * Starts an attempt. Calls `onEnd` exactly once, for a quick handler even before it returns.
   * @param payload the job's payload, if it is parsed already; the handler may change it
   */
  start(job: Job, onEnd: (attempt: Attempt, end: AttemptEnd) => void, payload?: unknown): Attempt {
    const definition = this.#definitions.get(job.type);
    const attempt = new Attempt(job, job.options.timeout_ms ?? definition?.timeoutMs ?? 0, onEnd);
    if (!definition) attempt.threw(new Error(`job type ${job.type} does not run on this replica`));
    else if (job.options.flow?.refs) this.#startResolved(attempt, definition);
    else if (isLarge(job.payload)) this.#startLarge(attempt, definition, job.payload);
    else if (definition.lane === "cpu") this.#startOnThread(attempt, job.payload);
    else this.#startHere(attempt, definition, job.payload, payload);
    return attempt;
  }

  /** Resolves the references in the payload first. Without an answer of Redis the job is released. */
  #startResolved(attempt: Attempt, definition: AnyJobDefinition): void {
    attempt.runsIn = NOTHING_YET;
    this.#resolve(attempt.job)
      .then(
        (answer) => {
          if (attempt.hasEnded) return;
          if (attempt.stopReason !== undefined) attempt.giveUp();
          else if ("end" in answer) attempt.end(answer.end);
          else {
            attempt.resolved = answer.job;
            attempt.onResolved?.(attempt);
            const { payload } = answer.job;
            if (isLarge(payload)) this.#startLarge(attempt, definition, payload);
            else if (definition.lane === "cpu") this.#startOnThread(attempt, payload);
            else this.#startHere(attempt, definition, payload);
          }
        },
        (error: unknown) => {
          if (error instanceof CodedError) attempt.end({ kind: "released" });
          else attempt.threw(error);
        },
      )
      .catch((error: unknown) => attempt.threw(error));
  }

  /** Fetches the payload first. A large payload is never parsed on the main thread, whatever its lane. */
  #startLarge(attempt: Attempt, definition: AnyJobDefinition, payload: LargePayload): void {
    attempt.runsIn = NOTHING_YET;
    const { size } = payload;
    const start = (data: Uint8Array | undefined): void => {
      if (data && size <= MAX_KEPT_BYTES) payload.data = data;
      if (attempt.hasEnded) return;
      if (attempt.stopReason !== undefined) attempt.giveUp();
      else if (!data)
        attempt.end({
          kind: "threw",
          code: "unreadable",
          message: "its payload is missing in Redis",
          isPermanent: true,
        });
      else if (definition.lane === "cpu" || size > MAIN_THREAD_BYTES)
        this.#startOnThread(attempt, Uint8Array.from(data), definition.lane); // the copy moves to the thread
      else this.#startHere(attempt, definition, decoder.decode(data));
    };
    if (payload.data) {
      start(payload.data);
      return;
    } // it was submitted here
    // Without an answer of Redis the job is released, since its handler has not run.
    this.#payload(attempt.job.id, size)
      .then(start, () => attempt.end({ kind: "released" }))
      .catch((error: unknown) => attempt.threw(error));
  }

  /** @param payload as JSON @param parsed its value, if it is known */
  #startHere(attempt: Attempt, definition: AnyJobDefinition, payload: string, parsed?: unknown): void {
    const context = new IoContext(attempt, payload, this.#resources.get(definition.type), this.#services);
    attempt.runsIn = context;
    this.#starting = attempt.job;
    try {
      const value: unknown = definition.run(parsed ?? JSON.parse(payload), context);
      if (isThenable(value)) {
        value.then(
          (result) => attempt.returned(result),
          (error: unknown) => attempt.threw(error),
        );
      } else {
        attempt.returned(value);
      }
    } catch (error) {
      attempt.threw(error);
    }
    this.#starting = undefined;
  }

  #startOnThread(attempt: Attempt, payload: ThreadTask["payload"], lane: Lane = "cpu"): void {
    const { job } = attempt;
    const controller = new AbortController();
    const progress = shareProgress();
    let stop: (reason: StopReason) => void = () => controller.abort();
    attempt.runsIn = {
      get percent() {
        return readProgress(progress);
      },
      abort: (reason) => stop(reason),
      isThread: lane === "cpu",
    };
    const task = {
      type: job.type,
      jobId: job.id,
      claimSeq: job.claimSeq,
      attempt: job.attempt,
      timeoutMs: attempt.timeoutMs,
      groupKey: job.groupKey,
      ...(job.options.schedule && { schedule: job.options.schedule }),
      startedAt: job.startedAt ?? 0,
      payload,
      state: stateLeft(job),
      progress,
    };
    const report =
      lane === "io" && typeof payload !== "string"
        ? this.#ioThreads.run({ ...task, payload }, (onStop) => {
            stop = onStop;
          })
        : this.#threads.run(task, controller.signal);
    const run = this.#endOf(attempt, report).finally(() => this.#onThreads.delete(attempt));
    this.#onThreads.set(attempt, run);
  }

  async #endOf(attempt: Attempt, report: Promise<ThreadReport>): Promise<void> {
    try {
      const { end, lineCount, ...diagnostics } = await report;
      if (end.kind === "threw" && attempt.stopReason !== undefined && attempt.endOfStopped(end) !== end)
        attempt.giveUp(); // the handler has stopped on request
      else attempt.end(end, diagnostics, lineCount);
    } catch (error) {
      // The thread is gone: this replica terminated it (then the reason to stop decides), or the handler did.
      if (attempt.stopReason === undefined)
        attempt.end({
          kind: "threw",
          code: "thread_exited",
          message: `the thread ended: ${messageOf(error)}`,
          isPermanent: false,
          endedThread: true,
        });
      else attempt.threw(error);
    }
  }

  /** A message of a handler on its thread. */
  readonly onThreadMessage = (message: HandlerMessage): void => {
    for (const attempt of this.#onThreads.keys()) {
      if (attempt.job.id !== message.jobId || attempt.job.claimSeq !== message.claimSeq) continue;
      attempt.keep(message.log, message.fields);
      this.#log(attempt.job, message.log, message.fields);
      return;
    }
    const { jobId, type, attempt } = message;
    if (type !== undefined && attempt !== undefined)
      this.#log({ id: jobId, type, attempt }, message.log, message.fields); // it has ended
  };

  async close(): Promise<void> {
    await Promise.all(this.#onThreads.values());
    await this.#resources.close();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
