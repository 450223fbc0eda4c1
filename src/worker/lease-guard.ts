/**
 * The lease guard: a thread that renews the leases of this replica while a handler of lane `io` blocks the main
 * thread, that logs which handler blocks it, and that ends the process if the main thread does not recover. This is
 * the main thread's side: it starts the thread, restarts it if it dies, and answers which handler blocks.
 */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { LogOptions } from "../observability/log.ts";
import type { ReplicaLeasesOptions } from "../queue/replica-leases.ts";
import type { Beat } from "./beat.ts";
import type { Blocker } from "./blocker.ts";

/** A main thread blocked for this long will not recover: other replicas should take over its jobs. */
const LONGEST_BLOCK_MS = 300_000;
/** The thread needs a few objects and one connection. */
const MAX_HEAP_MB = 64;
const MAX_YOUNG_MB = 2;
const FIRST_RESTART_MS = 1_000;
const LAST_RESTART_MS = 60_000;

/** The settings of the thread. */
export interface GuardData extends ReplicaLeasesOptions {
  readonly logLevel: LogOptions["level"];
  readonly beat: SharedArrayBuffer;
  readonly longestBlockMs: number;
  /** The name of the global symbol of the function that finds the handler that blocks the main thread. */
  readonly question: string;
}

export interface LeaseGuardOptions extends ReplicaLeasesOptions {
  readonly logLevel: LogOptions["level"];
  readonly beat: Beat;
  readonly longestBlockMs?: number;
  /** Called on top of the code that blocks the main thread. @param above see {@link findBlocker} */
  readonly findBlocker: (above: (...args: never[]) => unknown) => Blocker;
  /**
   * Called while the main thread is blocked, on top of the blocking code, with the type of the handler if it is known.
   */
  readonly onBlocked: (type: string | undefined) => void;
  /** Called when the thread died, before its restart. */
  readonly onError: (error: unknown) => void;
}

/**
 * The file of the thread's code. Tests set the built file, because Node 20 cannot load the TypeScript sources in a
 * thread.
 */
const filename = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../dist/worker/lease-guard-thread.js" : "./lease-guard-thread.js",
    import.meta.url,
  ),
);

type Answering = Record<symbol, (() => string) | undefined>;

export class LeaseGuard {
  readonly #options: LeaseGuardOptions;
  readonly #question: string;
  #thread: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #restarts = 0;
  #isClosed = false;

  constructor(options: LeaseGuardOptions) {
    this.#options = options;
    this.#question = `taskflow.blocker.${options.replica}`;
  }

  /** Starts the thread and does not wait for it. It does not keep the process alive. */
  start(): void {
    if (this.#thread || this.#isClosed) return;
    const { url, namespace, replica, leaseMs, logLevel, beat, longestBlockMs = LONGEST_BLOCK_MS } = this.#options;
    (globalThis as unknown as Answering)[Symbol.for(this.#question)] = this.#answer;
    const workerData: GuardData = {
      url,
      namespace,
      replica,
      leaseMs,
      logLevel,
      beat: beat.buffer,
      longestBlockMs,
      question: this.#question,
    };
    const thread = new Worker(filename, {
      name: "lease-guard",
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_MB },
    });
    let cause: unknown;
    thread.on("error", (error) => {
      cause = error;
    });
    thread.once("exit", (code) => this.#exited(cause ?? new Error(`the thread ended with code ${code}`)));
    thread.unref();
    this.#thread = thread;
  }

  /** Ends the thread. Idempotent. Close it before the leases are released: the guard would renew the remaining ones. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    (globalThis as unknown as Answering)[Symbol.for(this.#question)] = undefined;
    await this.#thread?.terminate();
  }

  #exited(cause: unknown): void {
    this.#thread = undefined;
    if (this.#isClosed) return;
    this.#options.onError(cause);
    this.#restart = setTimeout(
      () => this.start(),
      Math.min(FIRST_RESTART_MS * 2 ** this.#restarts, LAST_RESTART_MS),
    ).unref();
    this.#restarts += 1;
  }

  /** @returns the {@link Blocker} as JSON: the guard's thread cannot get objects of this thread */
  readonly #answer = (): string => {
    const blocker = this.#options.findBlocker(this.#answer);
    this.#options.onBlocked(blocker.type);
    return JSON.stringify(blocker);
  };
}
