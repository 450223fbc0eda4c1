/**
 * The thread of attempts of lane `io` whose payload is too large to be parsed on the main thread. They share it as they
 * would share the main thread, without delaying the attempts there. It starts on demand, and ends when idle. One thread
 * is enough for handlers that wait for remote servers; another one would open more connections to them.
 */
import { randomUUID } from "node:crypto";
import { BroadcastChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { Destinations } from "../core/destination.ts";
import { memoryShares } from "../process/memory-limit.ts";
import type { StopReason } from "./attempt.ts";
import type { FromThread, ToThread } from "./thread-link.ts";
import { ThreadVisits } from "./thread-link.ts";
import type { HandlerMessage, ThreadData, ThreadReport, ThreadTask } from "./threads.ts";
import { isThreadMessage, threadFile } from "./threads.ts";

/** The largest payload, in bytes, to parse on the main thread, where it takes up to 10 ms. */
export const MAIN_THREAD_BYTES = 256 * 1024;
const MAX_THREADS = 1;
/** Attempts of one thread at once. The replica's limit for large payloads bounds their memory. */
const ATTEMPTS_PER_THREAD = 64;
const IDLE_MS = 30_000;
/** JavaScript heap of one thread. */
const MAX_HEAP_MB = memoryShares().threadHeap / (1024 * 1024);

export interface IoThreadsOptions extends ThreadData {
  readonly sharedMemory: Readonly<Record<string, SharedArrayBuffer>>;
  readonly onMessage: (message: HandlerMessage) => void;
  readonly onError: (error: unknown) => void;
}

export class IoThreads {
  readonly #options: IoThreadsOptions;
  readonly #name = `taskflow-io-${randomUUID()}`;
  #channel: BroadcastChannel | undefined;
  #pool: Piscina | undefined;
  #visits: ThreadVisits | undefined;
  #tasks = 0;

  constructor(options: IoThreadsOptions) {
    this.#options = options;
  }

  /** Gives the threads access to the state that all replicas share. */
  open(destinations: Destinations): void {
    this.#visits = new ThreadVisits(destinations, (answer) => this.#send(answer));
  }

  /** Runs one attempt; `task.payload` moves to the thread. Rejects if its thread dies. */
  async run(
    task: ThreadTask & { readonly payload: Uint8Array<ArrayBuffer> },
    stopped: (onStop: (reason: StopReason) => void) => void,
  ): Promise<ThreadReport> {
    this.#pool ??= this.#openPool();
    this.#tasks += 1;
    const key = this.#tasks;
    stopped((reason) => this.#send({ kind: "stop", key, reason }));
    try {
      return (await this.#pool.run({ ...task, key }, { transferList: [task.payload.buffer] })) as ThreadReport;
    } catch (error) {
      this.#visits?.keepOnly(new Set(this.#pool.threads.map(({ threadId }) => threadId)));
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
    this.#channel?.close();
  }

  #openPool(): Piscina {
    const { onMessage, onError, jobsDir, settings, sharedMemory } = this.#options;
    const channel = new BroadcastChannel(this.#name);
    channel.unref();
    channel.onmessage = (event): void => this.#visits?.take((event as { readonly data: FromThread }).data);
    this.#channel = channel;
    const pool = new Piscina({
      filename: threadFile,
      name: "runAttempt",
      minThreads: 0,
      maxThreads: MAX_THREADS,
      concurrentTasksPerWorker: ATTEMPTS_PER_THREAD,
      idleTimeout: IDLE_MS,
      atomics: "disabled", // its handlers wait for sockets in the thread's event loop
      workerData: { jobsDir, settings, channel: this.#name, sharedMemory } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    pool.on("message", (message: unknown) => {
      if (isThreadMessage(message) && "log" in message) onMessage(message);
    });
    pool.on("error", onError);
    return pool;
  }

  #send(message: ToThread): void {
    this.#channel?.postMessage(message);
  }
}
