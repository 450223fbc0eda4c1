/**
 * One running attempt. It ends exactly once, whether the handler ended or was stopped, with an `AttemptEnd`; it never
 * throws.
 */
import { performance } from "node:perf_hooks"; // not the global, which is looked up at each use
import type { AttemptDiagnostics, Job } from "../core/job.ts";
import { PermanentError, ReleaseError, RetryAfterError, RetryableError } from "../core/job-type.ts";
import { readableText } from "../core/readable-url.ts";
import { MAX_STATE_LENGTH, stateText } from "../core/saved-state.ts";
import type { AttemptEnd } from "../core/settle.ts";
import { codeOf, messageOf } from "../errors.ts";
import { KeptLog } from "./kept-log.ts";
import { stackOf } from "./stack.ts";
import { isOf } from "./thrown.ts";

/**
 * Why an attempt should stop: a caller cancelled it · it is past its timeout · its lease is lost · the replica drains.
 */
export type StopReason = "cancelled" | "timeout" | "lost" | "drain";

/** A longer result belongs in an artifact, because every read of the job includes it. */
const MAX_RESULT_LENGTH = 1024 * 1024;

/** Runs the handler of an attempt: can stop it, and knows its progress. */
export interface Running {
  /** 0 to 100, as the handler last reported it. */
  readonly percent: number | null;
  /** Whether a stop ends a pool thread. */
  readonly isThread?: boolean;
  abort(reason: StopReason): void;
}

/** Sends the log lines of an attempt to those who follow its job. */
export interface LogFollower {
  /** There is a new line. */
  onLine(): void;
  /** The attempt ends: no line follows. */
  onEnd(): void;
}

export class Attempt {
  readonly job: Job;
  readonly timeoutMs: number;
  /** By `performance.now()`. */
  readonly startedAt = performance.now();
  /** The state that its handler saved last, as JSON: the next attempt continues from there. Undefined for none. */
  saved: string | undefined;
  /** The job with the payload that ran, if that is not the submitted one: its references are resolved. */
  resolved: Job | undefined;
  /** Called once `resolved` is set. */
  onResolved: ((attempt: Attempt) => void) | undefined;
  /** Set by the code that runs it. */
  runsIn: Running | undefined;
  /** Undefined while nobody follows its job. */
  logFollower: LogFollower | undefined;
  #log: KeptLog | undefined;
  #diagnostics: AttemptDiagnostics | undefined;
  #stopReason: StopReason | undefined;
  #stoppedAt = 0;
  #ended: AttemptEnd | undefined;
  #ranMs = 0;
  readonly #onEnd: (attempt: Attempt, end: AttemptEnd) => void;

  constructor(job: Job, timeoutMs: number, onEnd: (attempt: Attempt, end: AttemptEnd) => void) {
    this.job = job;
    this.timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
  }

  /** 0 to 100, as the handler last reported it. */
  get progress(): number | null {
    return this.runsIn?.percent ?? null;
  }

  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  /** Diagnostics to keep with its record; undefined for most attempts. */
  get diagnostics(): AttemptDiagnostics | undefined {
    return this.#diagnostics ?? (this.#log && { log: this.#log.lines });
  }

  /** Adds a line that its handler logged. */
  keep(message: string, fields: Record<string, unknown> | undefined): void {
    this.#ownLog().add(message, fields);
    this.logFollower?.onLine();
  }

  /** As {@link KeptLog.from}; without lines if its handler has logged none. */
  linesFrom(number: number): ReturnType<KeptLog["from"]> {
    return this.#log?.from(number) ?? { first: number, lines: [] };
  }

  get hasSaved(): boolean {
    return this.saved !== undefined;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** How it ended; undefined while it runs. */
  get ended(): AttemptEnd | undefined {
    return this.#ended;
  }

  /** How long it ran, in milliseconds; 0 while it runs. */
  get ranMs(): number {
    return this.#ranMs;
  }

  /** How long ago it was asked to stop, in milliseconds; 0 if it was not. */
  stoppingMs(now: number): number {
    return this.#stopReason === undefined ? 0 : now - this.#stoppedAt;
  }

  /**
   * Asks the attempt to stop. The first reason counts, but a lost lease overrides it, since this replica may not settle
   * the job then.
   */
  stop(reason: StopReason): void {
    if (this.#ended || (this.#stopReason !== undefined && reason !== "lost")) return;
    const isFirst = this.#stopReason === undefined;
    this.#stopReason = reason;
    if (!isFirst) return;
    this.#stoppedAt = performance.now();
    this.runsIn?.abort(reason);
  }

  /** Gives up on a handler that does not stop: the attempt ends now, although the handler may still run. */
  giveUp(): void {
    this.end(this.#stoppedEnd());
  }

  /** Its handler returned. */
  returned(value: unknown): void {
    this.end(endOfReturn(value));
  }

  /** Its handler threw. */
  threw(thrown: unknown): void {
    const isStopped = this.#stopReason !== undefined;
    if (!isStopped && this.hasSaved && isOf(thrown, ReleaseError)) {
      this.end({ kind: "released" });
      return;
    }
    if (!isStopped) for (const line of stackOf(thrown)) this.keep(line, undefined);
    this.end(isStopped ? this.endOfStopped(endOfThrow(thrown)) : endOfThrow(thrown));
  }

  /**
   * The end of an attempt whose handler was asked to stop and threw: the reason decides, unless the error is permanent
   * or asks for a later retry.
   */
  endOfStopped(end: AttemptEnd): AttemptEnd {
    const mustNotRepeat = end.kind === "threw" && (end.isPermanent || end.state !== undefined);
    return mustNotRepeat && (this.#stopReason === "timeout" || this.#stopReason === "drain") ? end : this.#stoppedEnd();
  }

  /**
   * @param diagnostics of its thread, with all lines, some of which may not have arrived here yet
   * @param lineCount how many lines its handler logged on the thread
   */
  end(end: AttemptEnd, diagnostics?: AttemptDiagnostics, lineCount = 0): void {
    if (this.#ended) return;
    if (this.logFollower) {
      if (diagnostics?.log) this.#ownLog().replace(diagnostics.log, lineCount);
      this.logFollower.onEnd();
      this.logFollower = undefined;
    }
    this.#ended = this.hasSaved ? { ...end, hasSaved: true } : end;
    this.#ranMs = performance.now() - this.startedAt;
    this.#diagnostics = diagnostics;
    this.#onEnd(this, this.#ended);
  }

  #ownLog(): KeptLog {
    return (this.#log ??= new KeptLog(this.job.startedAt ?? 0, this.startedAt));
  }

  #stoppedEnd(): AttemptEnd {
    switch (this.#stopReason) {
      case "cancelled":
        return { kind: "cancelled" };
      case "timeout":
        return { kind: "timeout", timeoutMs: this.timeoutMs, ...(this.runsIn?.isThread && { endedThread: true }) };
      case "lost":
        return { kind: "lost" };
      case "drain":
      case undefined:
        return { kind: "released" };
    }
  }
}

/** The end that follows from a value that `run` returned. */
export function endOfReturn(value: unknown): AttemptEnd {
  let result: string | undefined;
  try {
    result = value === undefined ? "null" : JSON.stringify(value);
  } catch (error) {
    return {
      kind: "threw",
      code: "result_invalid",
      message: `the result is not JSON: ${messageOf(error)}`,
      isPermanent: true,
    };
  }
  result ??= "null"; // a function or a symbol
  if (result.length > MAX_RESULT_LENGTH) {
    return {
      kind: "threw",
      code: "result_too_large",
      message: `the result has ${result.length} characters; at most ${MAX_RESULT_LENGTH} are allowed`,
      isPermanent: true,
    };
  }
  return { kind: "returned", result };
}

/** The end that follows from any value that `run` threw. */
export function endOfThrow(thrown: unknown): AttemptEnd {
  try {
    return endOf(thrown);
  } catch {
    // a getter that throws, a Proxy
    return { kind: "threw", code: "error", message: readableMessage(thrown), isPermanent: false };
  }
}

/**
 * Cuts long messages, and removes passwords: drivers put the URL of their server into their errors, which callers read.
 */
const MAX_MESSAGE_LENGTH = 4_000;

function readableMessage(thrown: unknown): string {
  return readableText(messageOf(thrown).slice(0, MAX_MESSAGE_LENGTH));
}

function endOf(thrown: unknown): AttemptEnd {
  const message = readableMessage(thrown);
  const code = codeOf(thrown) ?? "error";
  if (isOf(thrown, PermanentError)) return { kind: "threw", code, message, isPermanent: true };
  if (isOf(thrown, RetryAfterError)) {
    const { retryAfterMs, waitsForTurn } = thrown;
    return {
      kind: "threw",
      code,
      message,
      isPermanent: false,
      retryAfterMs: numberOf(retryAfterMs),
      ...(waitsForTurn && { waitsForTurn }),
    };
  }
  if (!isOf(thrown, RetryableError)) return { kind: "threw", code, message, isPermanent: false };
  const { atLeastMs, state } = thrown;
  return {
    kind: "threw",
    code,
    message,
    isPermanent: false,
    ...(numberOf(atLeastMs) > 0 && { atLeastMs }),
    ...(state !== undefined && stateOf(state)),
  };
}

/** A deployment's types may be JavaScript, which easily passes a header's text as a number. */
function numberOf(value: unknown): number {
  return typeof value === "number" ? value : Number.NaN;
}

/**
 * A state that is not JSON, or too large to be kept with each attempt, fails the job: without it the next attempt
 * would repeat the work.
 */
function stateOf(
  state: unknown,
): { readonly state: string } | { readonly isPermanent: true; readonly code: string; readonly message: string } {
  const text = stateText(state);
  return text === undefined ? { isPermanent: true, code: "state_invalid", message: INVALID_STATE } : { state: text };
}

export const INVALID_STATE = `the state for the next attempt is not JSON of at most ${MAX_STATE_LENGTH} characters`;
