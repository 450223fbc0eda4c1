/**
 * Threads that parse and check large bodies, and do nothing else, so a body never waits behind an export. A thread that
 * takes too long for a body, or too much memory, is replaced, and the body is rejected.
 */
import { Piscina } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import { BODY_THREADS, tooComplex } from "../core/body.ts";
import { codeOf } from "../errors.ts";

/**
 * The input of a thread: a body, and the memory for the start time (`process.hrtime.bigint`, the same clock in all
 * threads).
 */
export interface BodyOrder {
  readonly task: BodyTask;
  readonly begunAt: BigInt64Array;
}

/**
 * Heap of one thread: a third of V8's own limit, which a few large bodies would fill. Parsing takes no longer
 * with less.
 */
const YOUNG_MB = 8;

/**
 * A valid body of 16 MiB takes 0.3 s, and ten times that on a busy machine. A slower body is an attack, or meets an
 * endless pattern or check of a deployment's type. Callers do not repeat a rejected body, so the limit is generous.
 */
const WITHIN_MS = 10_000;
/** The limit per MiB, for settings that allow bodies of hundreds of MiB: five times the usual time. */
const MORE_MS = 100;
const MIB = 1024 * 1024;

export interface BodyThreadsOptions {
  readonly filename: string;
  readonly workerData: unknown;
  readonly onError: (error: unknown) => void;
  readonly withinMs?: number | undefined;
}

export class BodyThreads {
  readonly #options: BodyThreadsOptions;
  #pool: Piscina | undefined;

  constructor(options: BodyThreadsOptions) {
    this.#options = options;
  }

  /** Starts the threads, if they are not started yet. The first body does it, too, and waits until they have loaded. */
  start(): void {
    this.#started();
  }

  /** Parses and checks a body. The bytes move to the thread. */
  async parse(task: BodyTask): Promise<ParsedBody> {
    const begunAt = new BigInt64Array(new SharedArrayBuffer(8));
    const withinMs = (this.#options.withinMs ?? WITHIN_MS) + MORE_MS * (task.bytes.length / MIB);
    const tooLong = new AbortController();
    // The time counts from the thread's start: before it, the body may wait for a thread that loads its code.
    const look = (): void => {
      const begun = Atomics.load(begunAt, 0);
      const leftMs = begun === 0n ? withinMs : withinMs - Number(process.hrtime.bigint() - begun) / 1e6;
      if (leftMs > 0) timer = setTimeout(look, leftMs);
      else tooLong.abort();
    };
    let timer = setTimeout(look, withinMs);
    try {
      const order: BodyOrder = { task, begunAt };
      return (await this.#started().run(order, {
        signal: tooLong.signal,
        transferList: [task.bytes.buffer as ArrayBuffer],
      })) as ParsedBody;
    } catch (error) {
      if (tooLong.signal.aborted || codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY") return tooComplex();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  #started(): Piscina {
    if (this.#pool) return this.#pool;
    const { filename, workerData, onError } = this.#options;
    const pool = new Piscina({
      filename,
      name: "parseBody",
      minThreads: BODY_THREADS,
      maxThreads: BODY_THREADS,
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    pool.on("error", onError); // an error event without a listener ends the process
    this.#pool = pool;
    return pool;
  }
}
