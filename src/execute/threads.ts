/**
 * The pool threads of lane `cpu`, and those beside them that parse large bodies.
 *
 * Stopping an attempt terminates its thread, and the pool starts another. A thread is a wall against exceptions and
 * endless loops, not against all memory faults: some end the process, which is what the crash budget is for.
 */
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import type { Evidence } from "../core/job.ts";
import type { ProcessRequest } from "../core/job-type.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { memoryShares } from "../process/memory-limit.ts";
import { BodyThreads } from "./body-threads.ts";
import { ChildProcesses } from "./child-processes.ts";
import type { SharedProgress } from "./shared-progress.ts";
import { TaskThreads } from "./task-threads.ts";

export interface ThreadTask {
  readonly type: string;
  readonly jobId: string;
  /** Of the job's lease: with its id, what tells this attempt from another that still ends here. */
  readonly claimSeq: number;
  readonly attempt: number;
  readonly timeoutMs: number;
  readonly groupKey: string | null;
  /** Epoch ms, Redis's. */
  readonly startedAt: number;
  /** JSON text; of a large payload its bytes, which move to the thread. */
  readonly payload: string | Uint8Array<ArrayBuffer>;
  /** In lane `io`: what the messages that stop it name it by. */
  readonly key?: number;
  /** What an earlier attempt left for this one. */
  readonly state?: unknown;
  readonly progress: SharedProgress;
}

/** What a thread says of an attempt that ended there. */
export interface ThreadReport extends Evidence {
  readonly end: AttemptEnd;
}

/** What a thread needs to know. */
export interface ThreadData {
  readonly jobsDir: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  /** In lane `io`: the name of the channel that its threads and the main thread share. */
  readonly channel?: string;
  /** In lane `io`: by type, the memory that its threads and the main thread share. */
  readonly sharedMemory?: Readonly<Record<string, SharedArrayBuffer>>;
}

/** What a running handler says on a thread: a line for the log. */
export interface HandlerMessage {
  readonly jobId: string;
  readonly claimSeq: number;
  /** With `attempt`, for a line that arrives after the report of its attempt: they come on ways of their own. */
  readonly type?: string;
  readonly attempt?: number;
  readonly log: string;
  readonly fields: Record<string, unknown> | undefined;
}

/** What a thread says. */
export type ThreadMessage = HandlerMessage | { readonly thread: number; readonly startProcess: ProcessRequest };

export interface ThreadsOptions extends ThreadData {
  readonly size: number;
  readonly onMessage: (message: HandlerMessage) => void;
  /** Hears of what goes wrong on a thread while no attempt runs there that could tell it: a handler has returned, and a timer of it throws. */
  readonly onError: (error: unknown) => void;
  /** Is given, once, what the machine does not allow of the confinement of processes that work on what strangers sent. */
  readonly onConfined?: (lacks: readonly string[]) => void;
  /** How long the types may take to close what they have open. */
  readonly closeWithinMs?: number;
  /** How long a thread may take over a body. */
  readonly parseWithinMs?: number;
}

/** JavaScript heap of one thread. Images and buffers live outside of it and are bounded by their types. */
const MAX_HEAP_MB = memoryShares().threadHeap / (1024 * 1024);

/** Several round trips to whatever a tool is connected to; a drain must not wait for one that is away. */
const CLOSE_WITHIN_MS = 2_000;

/** Where the code of a thread is. Tests run the sources, which Node 20 cannot load in a thread: there it is the built one. */
export const threadFile = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../dist/execute/thread-entry.cjs" : "./thread-entry.cjs",
    import.meta.url,
  ),
);

export class Threads {
  /** Absent on a replica that runs no jobs of the lane. */
  readonly #pool: Piscina | undefined;
  readonly #bodies: BodyThreads;
  /** What handlers of lane `io` have run beside the main thread. */
  readonly tasks: TaskThreads;
  readonly #processes: ChildProcesses;
  readonly #onError: (error: unknown) => void;
  readonly #closeWithinMs: number;
  readonly size: number;
  #running = 0;

  constructor({
    size,
    onMessage,
    onError,
    onConfined,
    closeWithinMs = CLOSE_WITHIN_MS,
    parseWithinMs,
    ...data
  }: ThreadsOptions) {
    this.size = size;
    this.#onError = onError;
    this.#processes = new ChildProcesses({ ...(onConfined && { onConfined }) });
    this.#closeWithinMs = closeWithinMs;
    const workerData = data satisfies ThreadData;
    if (size > 0) {
      this.#pool = new Piscina({
        filename: threadFile,
        name: "runAttempt",
        minThreads: size,
        maxThreads: size,
        atomics: "disabled", // a thread that waits in its event loop tends the sockets that a handler keeps alive
        workerData,
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
      this.#pool.on("message", (message: unknown) => {
        if (!isThreadMessage(message)) return;
        try {
          if ("startProcess" in message) this.#processes.start(message.thread, message.startProcess);
          else onMessage(message);
        } catch (error) {
          onError(error); // it only looked like one of ours
        }
      });
      this.#pool.on("error", onError); // an error event that nobody listens to ends the process
      this.#pool.on("workerDestroy", ({ id }: { readonly id: number }) => this.#processes.kill(id)); // one that exited has no id any more: its sockets are closed
    }
    this.#bodies = new BodyThreads({ filename: threadFile, workerData, onError, withinMs: parseWithinMs });
    this.tasks = new TaskThreads({ filename: threadFile, workerData, onError });
  }

  /** Threads that run an attempt. */
  get busy(): number {
    return this.#running;
  }

  /** Resolves when every thread of the pool has loaded its code and opened its tools. */
  async opened(): Promise<void> {
    const pool = this.#pool;
    if (pool)
      await Promise.all(
        Array.from({ length: this.size }, () => pool.run(undefined, { name: "warmUpAttempts" }) as Promise<void>),
      ); // one each: a thread takes no second task
  }

  /** Runs one attempt. Rejects when its thread died, or with an AbortError when `signal` ended it. */
  async run(task: ThreadTask, signal: AbortSignal): Promise<ThreadReport> {
    if (!this.#pool) throw new Error("this replica has no pool threads");
    this.#running += 1;
    try {
      return (await this.#pool.run(task, {
        signal,
        ...(typeof task.payload !== "string" && { transferList: [task.payload.buffer] }),
      })) as ThreadReport;
    } finally {
      this.#running -= 1;
    }
  }

  /** Parses and checks a body that is too large for the main thread. The bytes move to the thread. */
  parse(task: BodyTask): Promise<ParsedBody> {
    return this.#bodies.parse(task);
  }

  /** Closes what the types have open on the threads, and ends them. One that still runs an attempt is ended with it. */
  async close(): Promise<void> {
    await this.#closeResources();
    await Promise.all([this.#pool?.destroy(), this.#bodies.close(), this.tasks.close()]);
    await this.#processes.close();
  }

  async #closeResources(): Promise<void> {
    const pool = this.#pool;
    if (!pool) return;
    const close = async (): Promise<void> => {
      try {
        await pool.run(undefined, { name: "closeResources", signal: AbortSignal.timeout(this.#closeWithinMs) });
      } catch (error) {
        this.#onError(new Error("what the types have open on a pool thread could not be closed", { cause: error }));
      }
    };
    await Promise.all(Array.from({ length: pool.idleThreads }, close)); // one each, as in opened()
  }
}

/** A handler has the same port as we have, and it or its libraries may post anything there. */
export function isThreadMessage(message: unknown): message is ThreadMessage {
  return typeof message === "object" && message !== null;
}
