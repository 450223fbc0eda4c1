/**
 * The pool threads of lane `cpu`, and the threads that parse large bodies.
 *
 * Stopping an attempt terminates its thread, and the pool starts another. A thread protects against exceptions and
 * endless loops, but not against all memory errors: some end the process, and the crash budget limits how often.
 */
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import type { AttemptDiagnostics, ScheduleTick } from "../core/job.ts";
import type { ProcessRequest } from "../core/job-type.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { memoryShares } from "../process/memory-limit.ts";
import { BodyThreads } from "./body-threads.ts";
import { ChildProcesses } from "./child-processes.ts";
import type { ReferenceThreads } from "./resolve-references.ts";
import type { SharedProgress } from "./shared-progress.ts";
import { TaskThreads } from "./task-threads.ts";

export interface ThreadTask {
  readonly type: string;
  readonly jobId: string;
  /**
   * Identifies the job's lease: together with the id, it distinguishes this attempt from an earlier one that is still
   * ending.
   */
  readonly claimSeq: number;
  readonly attempt: number;
  readonly timeoutMs: number;
  readonly groupKey: string | null;
  /** Absent from most jobs. */
  readonly schedule?: ScheduleTick;
  /** Epoch ms of Redis. */
  readonly startedAt: number;
  /** JSON; for a large payload its bytes, which move to the thread. */
  readonly payload: string | Uint8Array<ArrayBuffer>;
  /** In lane `io`: identifies the attempt in messages that stop it. */
  readonly key?: number;
  /** The state that an earlier attempt saved for this one. */
  readonly state?: unknown;
  readonly progress: SharedProgress;
}

/** The report of a thread about an attempt that ended there. */
export interface ThreadReport extends AttemptDiagnostics {
  readonly end: AttemptEnd;
  /** How many lines its handler logged; undefined without any. */
  readonly lineCount?: number;
}

/** The settings of a thread. */
export interface ThreadData {
  readonly jobsDir: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  /** In lane `io`: the name of the channel that its threads and the main thread share. */
  readonly channel?: string;
  /** In lane `io`: by type, the memory that its threads and the main thread share. */
  readonly sharedMemory?: Readonly<Record<string, SharedArrayBuffer>>;
}

/** A log line of a running handler on a thread. */
export interface HandlerMessage {
  readonly jobId: string;
  readonly claimSeq: number;
  /** Needed for a line that arrives after the report of its attempt: the two use different channels. */
  readonly type?: string;
  readonly attempt?: number;
  readonly log: string;
  readonly fields: Record<string, unknown> | undefined;
}

/** A message of a thread. */
export type ThreadMessage = HandlerMessage | { readonly thread: number; readonly startProcess: ProcessRequest };

export interface ThreadsOptions extends ThreadData {
  readonly size: number;
  readonly onMessage: (message: HandlerMessage) => void;
  /** Called for errors outside an attempt, for example in a timer of a finished handler. */
  readonly onError: (error: unknown) => void;
  /** Called once, with the confinements that this machine does not allow for processes that work on untrusted data. */
  readonly onConfined?: (lacks: readonly string[]) => void;
  /** How long the types may take to close their resources. */
  readonly closeWithinMs?: number;
  /** How long a thread may take for a body. */
  readonly parseWithinMs?: number;
}

/** JavaScript heap of one thread. It does not include images and buffers, which the job types limit. */
const MAX_HEAP_MB = memoryShares().threadHeap / (1024 * 1024);

/** Enough for several round trips to the server of a resource; a drain must not wait for an unavailable server. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * The file of a thread's code. Tests set the built file, because Node 20 cannot load the TypeScript sources in a
 * thread.
 */
export const threadFile = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../dist/execute/thread-entry.cjs" : "./thread-entry.cjs",
    import.meta.url,
  ),
);

export class Threads {
  /** Undefined on a replica that runs no jobs of the lane. */
  readonly #pool: Piscina | undefined;
  readonly #bodies: BodyThreads;
  /** Tasks that handlers of lane `io` run beside the main thread. */
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
        atomics: "disabled", // the thread waits in its event loop, which serves the sockets that a handler keeps alive
        workerData,
        resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
      });
      this.#pool.on("message", (message: unknown) => {
        if (!isThreadMessage(message)) return;
        try {
          if ("startProcess" in message) this.#processes.start(message.thread, message.startProcess);
          else onMessage(message);
        } catch (error) {
          onError(error); // another sender's message of the same form
        }
      });
      this.#pool.on("error", onError); // an error event without a listener ends the process
      // an exited thread has no id any more; its sockets are closed
      this.#pool.on("workerDestroy", ({ id }: { readonly id: number }) => this.#processes.kill(id));
    }
    this.#bodies = new BodyThreads({ filename: threadFile, workerData, onError, withinMs: parseWithinMs });
    this.tasks = new TaskThreads({ filename: threadFile, workerData, onError });
  }

  /** Threads that run an attempt. */
  get busy(): number {
    return this.#running;
  }

  /**
   * Resolves when every thread of the pool has loaded its code and opened its resources. The threads for large bodies
   * start only then, because their loading would delay the pool's.
   */
  async opened(): Promise<void> {
    const pool = this.#pool;
    if (pool)
      await Promise.all(
        Array.from({ length: this.size }, () => pool.run(undefined, { name: "warmUpAttempts" }) as Promise<void>),
      ); // one for each thread: a thread runs one task at a time
    this.#bodies.start();
  }

  /** Runs one attempt. Rejects if its thread dies, or with an AbortError if `signal` aborts. */
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

  /** Resolves the references in payloads that are too large for the main thread. */
  get references(): ReferenceThreads {
    return this.#bodies;
  }

  /** Closes the resources of the types on the threads, and ends the threads, running attempts included. */
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
        this.#onError(new Error("could not close the resources of job types on a pool thread", { cause: error }));
      }
    };
    await Promise.all(Array.from({ length: pool.idleThreads }, close)); // one each, as in opened()
  }
}

/** Checks the type, because a handler and its libraries may post anything to the same port. */
export function isThreadMessage(message: unknown): message is ThreadMessage {
  return typeof message === "object" && message !== null;
}
