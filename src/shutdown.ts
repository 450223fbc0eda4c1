/**
 * How the program ends. Before it serves, a signal ends it at once: no job was taken here. Then the first one drains it,
 * and a later one ends it at once, its jobs left to their leases. Nothing keeps it alive beyond DRAIN_MS and a grace.
 */
import type { Job } from "./core/job.ts";
import type { Log } from "./log.ts";

/** A part that hangs must not keep a stopped process alive: leases and outbox cover what it leaves. */
const EXIT_GRACE_MS = 15_000;
/**
 * One Ctrl-C comes twice where npm runs the program: the terminal signals the whole process group, and npm passes on what it gets.
 * No person repeats it so soon in earnest.
 */
const SAME_SIGNAL_MS = 1_000;

/** What is to be ended in order. */
export interface Serving {
  /** Drains and closes. */
  close(): Promise<void>;
  /** The jobs whose leases it holds. */
  jobs(): readonly Job[];
}

export interface ShutdownOptions {
  readonly log: Log;
  readonly drainMs: number;
  /** Ends the process. */
  readonly exit: (code: number) => void;
}

export class Shutdown {
  readonly #options: ShutdownOptions;
  #serving: Serving | undefined;
  #isDraining = false;
  #signalledAt: number | undefined;
  #exitCode = 0;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** From here on there is something to drain. */
  serves(serving: Serving): void {
    this.#serving = serving;
  }

  readonly signalled = (signal: NodeJS.Signals): void => {
    const { log, exit } = this.#options;
    const now = performance.now();
    if (!this.#serving) {
      exit(1); // servers that were started here are told to stop on the way out
    } else if (this.#signalledAt === undefined) {
      this.#signalledAt = now;
      this.#drain({ signal });
    } else if (now - this.#signalledAt >= SAME_SIGNAL_MS) {
      log.warn({ signal, jobs: this.#serving.jobs().length }, "ended at once by a second signal; its jobs are left to their leases");
      exit(1);
    }
  };

  /** This process should make place for another: it drains, and ends with a code that makes whoever watches over it start one. */
  readonly unfit = (): void => {
    this.#exitCode = 1;
    this.#drain({ reason: "unfit" });
  };

  /** A fault nobody has thought of: the state of this process can no longer be trusted, and another one takes over its jobs. */
  readonly faulted = (error: unknown): void => {
    const { log, exit } = this.#options;
    log.fatal({ error }, "unexpected fault");
    const end = (): void => exit(1);
    log.flush().then(end, end);
  };

  #drain(why: Readonly<Record<string, string>>): void {
    if (this.#isDraining || !this.#serving) return;
    this.#isDraining = true;
    this.#options.log.info({ ...why, drain_ms: this.#options.drainMs }, "draining");
    this.#close(this.#serving).catch(this.faulted);
  }

  async #close(serving: Serving): Promise<void> {
    const { log, drainMs, exit } = this.#options;
    const giveUp = setTimeout(() => {
      log.error("closing took too long");
      exit(1);
    }, drainMs + EXIT_GRACE_MS);
    await serving.close();
    clearTimeout(giveUp);
    log.info("stopped");
    await log.flush();
    exit(this.#exitCode);
  }
}
