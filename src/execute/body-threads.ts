/**
 * Threads that parse and check large bodies, resolve the references in large payloads, and do nothing else, so a body
 * never waits behind an export. A thread that takes too long for a body, or too much memory, is replaced, and the body is
 * rejected.
 */
import { Piscina } from "piscina";
import type { BodyTask, ParsedBody } from "../core/body.ts";
import { BODY_THREADS, tooComplex } from "../core/body.ts";
import type { Reference, ReferenceScope } from "../core/flows/reference.ts";
import { codeOf } from "../errors.ts";
import type { ReferenceTask, ReferenceThreads } from "./resolve-references.ts";
import type { ResolvedPayload } from "./resolved-payload.ts";

/**
 * The input of a thread: its task, and the memory for the start time (`process.hrtime.bigint`, the same clock in all
 * threads).
 */
export interface BodyOrder<Task = BodyTask> {
  readonly task: Task;
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

interface WithBytes {
  readonly bytes: Uint8Array;
}

const UNRESOLVABLE = {
  code: "payload_invalid",
  message: "to resolve the references of the payload takes too long, or too much memory",
};

export interface BodyThreadsOptions {
  readonly filename: string;
  readonly workerData: unknown;
  readonly onError: (error: unknown) => void;
  readonly withinMs?: number | undefined;
}

export class BodyThreads implements ReferenceThreads {
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
    return (await this.#run<ParsedBody>("parseBody", task)) ?? tooComplex();
  }

  /** The references of a payload. @param bytes its JSON text */
  async references(bytes: Uint8Array, scope: ReferenceScope): Promise<readonly Reference[]> {
    return (
      (await this.#run<readonly Reference[], WithBytes & { scope: ReferenceScope }>("findReferences", {
        bytes,
        scope,
      })) ?? []
    );
  }

  /** A payload with its references resolved. */
  async resolve(task: ReferenceTask): Promise<ResolvedPayload<Uint8Array>> {
    return (await this.#run<ResolvedPayload<Uint8Array>>("resolveReferences", task)) ?? UNRESOLVABLE;
  }

  /** Undefined if the task takes too long, or too much memory. The bytes move to the thread. */
  async #run<Answer, Task extends WithBytes = WithBytes>(name: string, task: Task): Promise<Answer | undefined> {
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
      const order: BodyOrder<Task> = { task, begunAt };
      return (await this.#started().run(order, {
        name,
        signal: tooLong.signal,
        transferList: [task.bytes.buffer as ArrayBuffer],
      })) as Answer;
    } catch (error) {
      if (tooLong.signal.aborted || codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY") return undefined;
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
