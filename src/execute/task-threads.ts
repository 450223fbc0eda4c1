/**
 * The two threads that run tasks for handlers of lane `io`. The first tries each task briefly, and interrupts one that
 * needs longer, which then runs from its start on the second. So a short task never waits long, however many long ones
 * there are. On each thread the groups (`group_key`) take turns.
 *
 * A task that exceeds its time is stopped by terminating its thread, and the pool starts another. The threads start
 * with the first task.
 */
import { Piscina } from "piscina";
import { Turns } from "../concurrency/turns.ts";
import { PermanentError, RetryableError, TaskError } from "../core/job-type.ts";
import { codeOf, messageOf } from "../errors.ts";
import { memoryShares } from "../process/memory-limit.ts";
import type { Task, TaskAnswer } from "./task.ts";
import type { ThreadData } from "./threads.ts";

/**
 * In wall-clock time: a usual template takes a millisecond, and several on a busy machine. Behind 160 slots full of
 * long tasks a short one waits for eight seconds.
 */
const TRY_FOR_MS = 50;

/**
 * A larger payload, in characters, takes longer to parse, and parsing cannot be interrupted, so its task goes to the
 * second thread at once.
 */
const MAX_TRIED_PAYLOAD = 256 * 1024;

/** JavaScript heap of one thread: as much as a parsed payload of 16 MiB may need. */
const MAX_HEAP_MB = memoryShares().threadHeap / (1024 * 1024);

export interface TaskThreadsOptions {
  readonly filename: string;
  readonly workerData: ThreadData;
  readonly onError: (error: unknown) => void;
}

export interface TaskLimits {
  /** How long the task may run, without its wait for a thread. */
  readonly timeoutMs: number;
  /** Ends the wait, and the task. */
  readonly signal: AbortSignal;
  /** The group that takes turns with others. */
  readonly turn: string;
}

export class TaskThreads {
  readonly #first: TaskThread;
  readonly #second: TaskThread;

  constructor(options: TaskThreadsOptions) {
    this.#first = new TaskThread(options);
    this.#second = new TaskThread(options);
  }

  /**
   * Runs a task and resolves with its return value.
   * @throws {PermanentError | RetryableError} as the task does; {@link TaskError} if it was stopped; the reason of the
   * signal
   */
  readonly run = async (task: Task, limits: TaskLimits): Promise<unknown> => {
    let answer: TaskAnswer = { kind: "unfinished" };
    if (task.payload.length <= MAX_TRIED_PAYLOAD)
      answer = await this.#first.run({ task, tryForMs: Math.min(TRY_FOR_MS, limits.timeoutMs) }, limits);
    if (answer.kind === "unfinished") answer = await this.#second.run({ task }, limits);
    switch (answer.kind) {
      case "returned":
        return answer.value;
      case "threw":
        throw new (answer.isPermanent ? PermanentError : RetryableError)(answer.message, { code: answer.code });
      case "unfinished":
        throw new TaskError("task_timeout", "the task was interrupted");
    }
  };

  /** Ends the threads and their tasks. */
  async close(): Promise<void> {
    await Promise.all([this.#first.close(), this.#second.close()]);
  }
}

interface Call {
  readonly task: Task;
  readonly tryForMs?: number;
}

/** One thread, with the calls that wait for it. */
class TaskThread {
  readonly #options: TaskThreadsOptions;
  readonly #turns = new Turns();
  #pool: Piscina | undefined;
  /** The time that a new thread takes to load its code does not count for the task. */
  #isLoaded = false;

  constructor(options: TaskThreadsOptions) {
    this.#options = options;
  }

  run(call: Call, limits: TaskLimits): Promise<TaskAnswer> {
    return this.#turns.take(limits.turn, () => this.#run(call, limits), limits.signal);
  }

  async #run(call: Call, { timeoutMs, signal }: TaskLimits): Promise<TaskAnswer> {
    try {
      const pool = (this.#pool ??= this.#open());
      if (!this.#isLoaded) await pool.run(undefined, { name: "warmUpTasks" });
      this.#isLoaded = true;
      return await this.#runWithin(pool, call, timeoutMs, signal);
    } catch (error) {
      this.#isLoaded = false;
      throw error;
    }
  }

  async #runWithin(pool: Piscina, call: Call, timeoutMs: number, signal: AbortSignal): Promise<TaskAnswer> {
    signal.throwIfAborted();
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal.reason);
    const timer = setTimeout(
      () => stop.abort(new TaskError("task_timeout", `the task took longer than ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return (await pool.run(call, { signal: stop.signal })) as TaskAnswer;
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY")
        throw new TaskError("task_out_of_memory", "the task took too much memory", error);
      throw new TaskError("thread_exited", `the thread of the task ended: ${messageOf(error)}`, error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #open(): Piscina {
    const { filename, workerData, onError } = this.#options;
    const resourceLimits = { maxOldGenerationSizeMb: MAX_HEAP_MB };
    const pool = new Piscina({ filename, name: "runTask", minThreads: 1, maxThreads: 1, workerData, resourceLimits });
    pool.on("error", onError); // an error event without a listener ends the process
    return pool;
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}
