/**
 * Ends the program. Before it serves, a signal or an uncaught error ends it at once, since it has no jobs. Afterwards
 * the first signal or error drains it; a later signal ends it at once, and other replicas take over its jobs when their
 * leases expire. A shutdown takes no longer than SHUTDOWN_DELAY_MS, DRAIN_MS and a grace period.
 */
import { constants } from "node:os";
import type { Job } from "../core/job.ts";
import type { Log } from "../observability/log.ts";

/**
 * A hanging part must not keep a stopped process alive: other replicas recover its work from the leases and the outbox.
 */
const EXIT_GRACE_MS = 15_000;
/**
 * One Ctrl-C arrives twice if npm runs the program: the terminal signals the whole process group, and npm forwards its
 * own signal. No person repeats it so quickly.
 */
const SAME_SIGNAL_MS = 500;
/** A process with a blocked event loop cannot end itself: it is killed after this additional time. */
const BLOCKED_GRACE_MS = 5_000;
/** How many of the jobs running at an uncaught error are logged. */
const MAX_TOLD = 50;

/** The exit code that a shell reports for a program ended by a signal. */
const SIGNALLED = 128;

/** The part of the program that is closed in order. */
export interface Serving {
  /** Reports that it is not ready, but continues to serve. */
  leave(): void;
  /** Drains and closes. */
  close(): Promise<void>;
  /** The jobs whose leases it has. */
  jobs(): readonly Job[];
}

export interface ShutdownOptions {
  readonly log: Log;
  readonly drainMs: number;
  /** How long it serves, reported as not ready, before it drains: load balancers notice with a delay. */
  readonly delayMs: number;
  /** Ends the process. */
  readonly exit: (code: number) => void;
  /** Ends the process after this time, even while its event loop is blocked. */
  readonly killAfter?: (ms: number) => void;
}

export class Shutdown {
  readonly #options: ShutdownOptions;
  #serving: Serving | undefined;
  #ending: Promise<void> | undefined;
  #signalledAt: number | undefined;
  #exitCode = 0;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** Call when the program serves: a signal drains it from now on. */
  serves(serving: Serving): void {
    this.#serving = serving;
  }

  readonly signalled = (signal: NodeJS.Signals): void => {
    const { log, exit } = this.#options;
    const now = performance.now();
    if (!this.#serving) {
      exit(1); // the embedded servers stop on exit
    } else if (this.#signalledAt === undefined) {
      this.#signalledAt = now;
      this.#drain({ signal });
    } else if (now - this.#signalledAt >= SAME_SIGNAL_MS) {
      log.warn(
        { signal, jobs: this.#serving.jobs().length },
        "ended at once by a second signal; its jobs run again when their leases expire",
      );
      exit(SIGNALLED + constants.signals[signal]);
    }
  };

  /** Drains, and exits with a code that makes the supervisor start another process. */
  readonly unfit = (): void => {
    this.#exitCode = 1;
    this.#drain({ reason: "unfit" });
  };

  /**
   * Handles an uncaught exception or rejection, most likely of a handler: this process can no longer be trusted, but
   * may finish the other running jobs.
   */
  readonly faulted = (error: unknown): void => {
    const { log } = this.#options;
    this.#exitCode = 1;
    if (this.#ending) {
      log.error({ error }, "unexpected error while draining");
      return;
    }
    const jobs = this.#serving?.jobs() ?? [];
    log.fatal(
      {
        error,
        running: jobs.length,
        jobs: jobs.slice(0, MAX_TOLD).map(({ id, type, attempt }) => ({ job_id: id, type, attempt })),
      },
      "unexpected error",
    );
    if (this.#serving) this.#drain({ reason: "fault" });
    else this.#ending = this.#end();
  };

  #drain(why: Readonly<Record<string, string>>): void {
    if (this.#ending || !this.#serving) return;
    // After an uncaught error, a process should take no more jobs.
    this.#ending = this.#close(this.#serving, why, why.reason === "fault" ? 0 : this.#options.delayMs);
  }

  async #close(serving: Serving, why: Readonly<Record<string, string>>, delayMs: number): Promise<void> {
    const { log, drainMs, exit, killAfter } = this.#options;
    const giveUpMs = delayMs + drainMs + EXIT_GRACE_MS;
    const giveUp = setTimeout(() => {
      log.error("closing took too long");
      exit(1);
    }, giveUpMs);
    killAfter?.(giveUpMs + BLOCKED_GRACE_MS);
    try {
      if (delayMs > 0) {
        log.info({ ...why, delay_ms: delayMs }, "not ready any more, and serving until load balancers have noticed");
        serving.leave();
        await new Promise((resolve) => setTimeout(resolve, delayMs));
      }
      log.info({ ...why, drain_ms: drainMs }, "draining");
      await serving.close();
      log.info("stopped");
    } catch (error) {
      log.fatal({ error }, "closing failed");
      this.#exitCode = 1;
    }
    clearTimeout(giveUp);
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#options.log.flush();
    this.#options.exit(this.#exitCode);
  }
}
