/**
 * The pool threads of lane `cpu`, and one more that parses large bodies (so that a body never waits behind an export).
 *
 * Stopping an attempt terminates its thread, and the pool starts another. A thread is a wall against exceptions and
 * endless loops, not against all memory faults: some end the process, which is what the crash budget is for.
 */
import { fileURLToPath } from "node:url";
import { Piscina } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import type { ProcessRequest } from "../core/job-type.ts";
import type { Evidence } from "../core/job.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { ChildProcesses } from "./child-processes.ts";
import type { SharedProgress } from "./shared-progress.ts";
import { TaskThreads } from "./task-threads.ts";

export interface ThreadTask {
  readonly type: string;
  readonly jobId: string;
  readonly attempt: number;
  /** Epoch ms, Redis's. */
  readonly startedAt: number;
  /** JSON text. */
  readonly payload: string;
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
}

/** What a running handler says on a thread: a line for the log. */
export interface HandlerMessage {
  readonly jobId: string;
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
  /** How long the types may take to close what they have open. */
  readonly closeWithinMs?: number;
}

/** JavaScript heap of one thread. Images and buffers live outside of it and are bounded by their types. */
const MAX_HEAP_MB = 512;

/** Of the thread that parses: a third of V8's own limit, which a few large bodies would fill. It takes no longer with less. */
const PARSER_YOUNG_MB = 8;

/** Several round trips to whatever a tool is connected to; a drain must not wait for one that is away. */
const CLOSE_WITHIN_MS = 2_000;

/** Where the code of a thread is. Tests run the sources, which Node 20 cannot load in a thread: there it is the built one. */
const filename = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../../dist/execute/thread-entry.cjs" : "./thread-entry.cjs", import.meta.url));

export class Threads {
  /** Absent on a replica that runs no jobs of the lane. */
  readonly #pool: Piscina | undefined;
  readonly #parser: Piscina;
  /** What handlers of lane `io` have run beside the main thread. */
  readonly tasks: TaskThreads;
  readonly #processes = new ChildProcesses();
  readonly #onError: (error: unknown) => void;
  readonly #closeWithinMs: number;
  readonly size: number;
  #running = 0;

  constructor({ size, onMessage, onError, closeWithinMs = CLOSE_WITHIN_MS, ...data }: ThreadsOptions) {
    this.size = size;
    this.#onError = onError;
    this.#closeWithinMs = closeWithinMs;
    const workerData = data satisfies ThreadData;
    if (size > 0) {
      this.#pool = new Piscina({
        filename,
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
    this.#parser = new Piscina({ filename, name: "parseBody", minThreads: 1, maxThreads: 1, workerData, resourceLimits: { maxYoungGenerationSizeMb: PARSER_YOUNG_MB } });
    this.#parser.on("error", onError);
    this.tasks = new TaskThreads({ filename, workerData, onError });
  }

  /** Threads that run an attempt. */
  get busy(): number {
    return this.#running;
  }

  /** Resolves when every thread of the pool has loaded its code and opened its tools. */
  async opened(): Promise<void> {
    const pool = this.#pool;
    if (pool) await Promise.all(Array.from({ length: this.size }, () => pool.run(undefined, { name: "warmUpAttempts" }) as Promise<void>)); // one each: a thread takes no second task
  }

  /** Runs one attempt. Rejects when its thread died, or with an AbortError when `signal` ended it. */
  async run(task: ThreadTask, signal: AbortSignal): Promise<ThreadReport> {
    if (!this.#pool) throw new Error("this replica has no pool threads");
    this.#running += 1;
    try {
      return (await this.#pool.run(task, { signal })) as ThreadReport;
    } finally {
      this.#running -= 1;
    }
  }

  /** Parses and checks a body that is too large for the main thread. The bytes move to the thread. */
  async parse(task: BodyTask): Promise<ParsedBody> {
    return (await this.#parser.run(task, { transferList: [task.bytes.buffer as ArrayBuffer] })) as ParsedBody;
  }

  /** Closes what the types have open on the threads, and ends them. One that still runs an attempt is ended with it. */
  async close(): Promise<void> {
    await this.#closeTools();
    await Promise.all([this.#pool?.destroy(), this.#parser.destroy(), this.tasks.close()]);
    await this.#processes.close();
  }

  async #closeTools(): Promise<void> {
    const pool = this.#pool;
    if (!pool) return;
    const close = async (): Promise<void> => {
      try {
        await pool.run(undefined, { name: "closeTools", signal: AbortSignal.timeout(this.#closeWithinMs) });
      } catch (error) {
        this.#onError(new Error("what the types have open on a pool thread could not be closed", { cause: error }));
      }
    };
    await Promise.all(Array.from({ length: pool.idleThreads }, close)); // one each, as in opened()
  }
}

/** A handler has the same port as we have, and it or its libraries may post anything there. */
function isThreadMessage(message: unknown): message is ThreadMessage {
  return typeof message === "object" && message !== null;
}
