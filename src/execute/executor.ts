/**
 * Runs one attempt and never throws: a handler's return, throw, crash or endless loop all become an `AttemptEnd`.
 * Lane `io` runs here, on the main thread; lane `cpu` on a pool thread.
 */
import type { AnyJobDefinition, Services } from "../core/job-type.ts";
import type { Job } from "../core/job.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { stateLeft } from "../core/wire.ts";
import { messageOf } from "../errors.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptLog } from "./io-context.ts";
import { IoContext } from "./io-context.ts";
import { readProgress, shareProgress, type SharedProgress } from "./shared-progress.ts";
import type { HandlerMessage, Threads } from "./threads.ts";
import { Tools } from "./tools.ts";

export interface ExecutorOptions {
  /** The types that run here. */
  readonly definitions: readonly AnyJobDefinition[];
  readonly threads: Pick<Threads, "run">;
  readonly log: AttemptLog;
}

export class Executor {
  readonly #definitions: ReadonlyMap<string, AnyJobDefinition>;
  readonly #threads: Pick<Threads, "run">;
  readonly #log: AttemptLog;
  readonly #tools: Tools;
  #starting: Job | undefined;
  /** Attempts on threads, by job: where their log lines belong. Promises, so that close can wait for them. */
  readonly #onThreads = new Map<string, { readonly attempt: Attempt; readonly run: Promise<void> }>();

  constructor({ definitions, threads, log }: ExecutorOptions) {
    this.#definitions = new Map(definitions.map((definition) => [definition.type, definition]));
    this.#threads = threads;
    this.#log = log;
    this.#tools = new Tools(definitions.filter(({ lane }) => lane === "io"));
  }

  async open(settings: Readonly<Record<string, unknown>>, services: Services): Promise<void> {
    await this.#tools.open(settings, services);
  }

  /** The job whose handler of lane `io` is being called now: it has not returned, not even a promise. */
  get starting(): Job | undefined {
    return this.#starting;
  }

  /**
   * Starts an attempt. `onEnd` is called exactly once, for a quick handler even before this returns.
   * @param payload what the job's says, where that is parsed already: the handler may change it
   */
  start(job: Job, onEnd: (attempt: Attempt, end: AttemptEnd) => void, payload?: unknown): Attempt {
    const definition = this.#definitions.get(job.type);
    const attempt = new Attempt(job, job.options.timeout_ms ?? definition?.timeoutMs ?? 0, onEnd);
    if (!definition) attempt.threw(new Error(`no job type ${job.type} on this replica`));
    else if (definition.lane === "cpu") this.#startOnThread(attempt);
    else this.#startHere(attempt, definition, payload);
    return attempt;
  }

  #startHere(attempt: Attempt, definition: AnyJobDefinition, payload: unknown): void {
    const context = new IoContext(attempt, this.#tools.get(definition.type), this.#log);
    attempt.runsIn = context;
    this.#starting = attempt.job;
    try {
      const value: unknown = definition.run(payload ?? JSON.parse(attempt.job.payload), context);
      if (isThenable(value)) {
        value.then((result) => attempt.returned(result), (error: unknown) => attempt.threw(error));
      } else {
        attempt.returned(value);
      }
    } catch (error) {
      attempt.threw(error);
    }
    this.#starting = undefined;
  }

  #startOnThread(attempt: Attempt): void {
    const { job } = attempt;
    const controller = new AbortController();
    const progress = shareProgress();
    attempt.runsIn = { get percent() { return readProgress(progress); }, abort: () => controller.abort() };
    const run = this.#runOnThread(attempt, progress, controller.signal).finally(() => this.#onThreads.delete(job.id));
    this.#onThreads.set(job.id, { attempt, run });
  }

  async #runOnThread(attempt: Attempt, progress: SharedProgress, signal: AbortSignal): Promise<void> {
    const { id: jobId, type, payload, attempt: number, startedAt, history } = attempt.job;
    try {
      const { end, ...evidence } = await this.#threads.run({ type, jobId, attempt: number, startedAt: startedAt ?? 0, payload, state: stateLeft(history), progress }, signal);
      attempt.end(end, evidence);
    } catch (error) {
      // The thread is gone: terminated by us (then the reason to stop says what follows), or by what the handler did.
      if (attempt.stopReason === undefined) attempt.end({ kind: "threw", code: "thread_exited", message: `the thread ended: ${messageOf(error)}`, isPermanent: false });
      else attempt.threw(error);
    }
  }

  /** What a handler says on its thread. */
  readonly onThreadMessage = (message: HandlerMessage): void => {
    const running = this.#onThreads.get(message.jobId);
    if (!running) return;
    running.attempt.keep(message.log, message.fields);
    this.#log(running.attempt.job, message.log, message.fields);
  };

  async close(): Promise<void> {
    await Promise.all([...this.#onThreads.values()].map(({ run }) => run));
    await this.#tools.close();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
