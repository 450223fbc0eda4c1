/**
 * The channel between a thread of lane `io` and the main thread while an attempt runs. It carries requests to stop, and
 * visits to destinations, whose limits hold for all replicas together.
 */
import { BroadcastChannel } from "node:worker_threads";
import type { Destinations, HostHealth } from "../core/destination.ts";
import { RetryAfterError } from "../core/job-type.ts";
import { messageOf } from "../errors.ts";
import type { StopReason } from "./attempt.ts";
import { reasonOf } from "./io-context.ts";

export type ToThread =
  | { readonly kind: "stop"; readonly key: number; readonly reason: StopReason }
  | { readonly kind: "entered"; readonly visit: string }
  | {
      readonly kind: "rejected";
      readonly visit: string;
      readonly message: string;
      readonly retryAfter?: { readonly ms: number; readonly code: string; readonly waitsForTurn: boolean };
    };

export type FromThread =
  | { readonly kind: "enter"; readonly visit: string; readonly args: Parameters<Destinations["enter"]> }
  | { readonly kind: "leave"; readonly visit: string; readonly health: HostHealth };

/** The main thread's side: the visits to destinations that its threads have begun. */
export class ThreadVisits {
  readonly #destinations: Destinations;
  readonly #answer: (message: ToThread) => void;
  readonly #begun = new Map<string, (health: HostHealth) => void>();

  constructor(destinations: Destinations, answer: (message: ToThread) => void) {
    this.#destinations = destinations;
    this.#answer = answer;
  }

  /** Handles a request of a thread, and answers. */
  take(message: FromThread): void {
    const { visit } = message;
    if (message.kind === "leave") this.#leave(visit, message.health);
    else
      this.#destinations.enter(...message.args).then(
        (leave) => this.#entered(visit, leave),
        (error: unknown) => this.#answer(rejectionOf(visit, error)),
      );
  }

  /** Ends the visits of dead threads, which are those not in this set. */
  keepOnly(threadIds: ReadonlySet<number>): void {
    for (const visit of this.#begun.keys())
      if (!threadIds.has(Number.parseInt(visit, 10))) this.#leave(visit, "unknown");
  }

  #entered(visit: string, leave: (health: HostHealth) => void): void {
    this.#begun.set(visit, leave);
    this.#answer({ kind: "entered", visit });
  }

  #leave(visit: string, health: HostHealth): void {
    this.#begun.get(visit)?.(health);
    this.#begun.delete(visit);
  }
}

function rejectionOf(visit: string, error: unknown): ToThread {
  const retryAfter =
    error instanceof RetryAfterError
      ? { ms: error.retryAfterMs, code: error.code, waitsForTurn: error.waitsForTurn }
      : undefined;
  return { kind: "rejected", visit, message: messageOf(error), ...(retryAfter && { retryAfter }) };
}

interface Entering {
  readonly entered: (leave: (health: HostHealth) => void) => void;
  readonly rejected: (error: Error) => void;
}

/** On the thread. */
export class ThreadLink {
  readonly #channel: BroadcastChannel;
  readonly #threadId: number;
  readonly #running = new Map<number, AbortController>();
  readonly #entering = new Map<string, Entering>();
  #visits = 0;
  readonly destinations: Destinations = { enter: (...args) => this.#enter(args) };

  constructor(name: string, threadId: number) {
    this.#threadId = threadId;
    this.#channel = new BroadcastChannel(name);
    this.#channel.unref();
    this.#channel.onmessage = (event): void => this.#take((event as { readonly data: ToThread }).data);
  }

  /** Creates the signal that stops an attempt, until {@link ended}. */
  signalOf(key: number): AbortSignal {
    const controller = new AbortController();
    this.#running.set(key, controller);
    return controller.signal;
  }

  ended(key: number): void {
    this.#running.delete(key);
  }

  #take(message: ToThread): void {
    if (message.kind === "stop") {
      this.#running.get(message.key)?.abort(reasonOf(message.reason));
      return;
    }
    const { visit } = message;
    const entering = this.#entering.get(visit); // undefined if the visit is another thread's
    this.#entering.delete(visit);
    if (message.kind === "entered") entering?.entered((health) => this.#send({ kind: "leave", visit, health }));
    else entering?.rejected(errorOf(message));
  }

  #enter(args: Parameters<Destinations["enter"]>): Promise<(health: HostHealth) => void> {
    this.#visits += 1;
    const visit = `${this.#threadId}.${this.#visits}`;
    return new Promise((entered, rejected) => {
      this.#entering.set(visit, { entered, rejected });
      this.#send({ kind: "enter", visit, args });
    });
  }

  #send(message: FromThread): void {
    this.#channel.postMessage(message);
  }
}

function errorOf({ message, retryAfter }: Extract<ToThread, { readonly kind: "rejected" }>): Error {
  if (!retryAfter) return new Error(message);
  return new RetryAfterError(message, retryAfter.ms, { code: retryAfter.code, waitsForTurn: retryAfter.waitsForTurn });
}
