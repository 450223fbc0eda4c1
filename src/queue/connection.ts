/**
 * One connection to Redis that runs scripts. The client under it never re-sends a command and queues nothing while it is
 * offline: what a lost connection leaves undecided is told to the caller (`OutcomeUnknown`), who alone knows whether
 * a repeat is harmless.
 */
import { Command, Redis, ReplyError } from "ioredis";
import { OutcomeUnknown, QueueUnavailable, messageOf } from "../errors.ts";
import type { Script } from "./scripts.ts";
import { scripts } from "./scripts.ts";

/** Answers that say "not now": nothing was changed, and a later call may go through. */
const NOT_NOW = /^(OOM|READONLY|LOADING|MISCONF|BUSY|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|TRYAGAIN)\b/;

function isReplyError(error: unknown): error is Error {
  return error instanceof ReplyError;
}

export type Reply = string | number | null | readonly Reply[];

export interface ConnectionHooks {
  /** A script's round trip, in seconds. */
  readonly onRoundTrip: (script: string, seconds: number) => void;
  readonly onError: (error: Error) => void;
  /** The connection is usable, for the first time or again. */
  readonly onReady: () => void;
}

/** A client with the rules above. @param url `redis://` or `rediss://`, with user, password and database as needed */
export function openRedis(url: string): Redis {
  return new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0, // a command in flight when the connection dies is rejected, not sent again
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1_000) * (0.5 + Math.random() / 2),
  });
}

/** Waits until a client is connected; rejects with what went wrong last when it is not within `timeoutMs`. */
export async function readyWithin(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === "ready") return;
  let lastError: Error | undefined;
  const note = (error: Error): void => { lastError = error; };
  redis.on("error", note);
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(lastError ?? new Error("no answer")), timeoutMs);
      redis.once("ready", () => { clearTimeout(timer); resolve(); });
    });
  } finally {
    redis.off("error", note);
  }
}

export class Connection {
  readonly #redis: Redis;
  readonly #hooks: ConnectionHooks;
  #isClosed = false;

  constructor(url: string, hooks: ConnectionHooks) {
    this.#hooks = hooks;
    this.#redis = openRedis(url);
    this.#redis.on("error", hooks.onError);
    this.#redis.on("ready", hooks.onReady);
  }

  get isReady(): boolean {
    return this.#redis.status === "ready" && !this.#isClosed;
  }

  /** Waits for the first connection. Rejects with what went wrong when there is none within `timeoutMs`. */
  opened(timeoutMs: number): Promise<void> {
    return readyWithin(this.#redis, timeoutMs);
  }

  /**
   * Runs a script.
   * @param args KEYS[1], which all scripts take, and ARGV
   * @throws QueueUnavailable where nothing was changed; OutcomeUnknown where no answer came within `timeoutMs`
   */
  async run(script: Script, args: string[], timeoutMs: number): Promise<Reply> {
    const startedAt = performance.now();
    let reply: Reply;
    try {
      reply = await this.send("evalsha", [script.sha, "1", ...args], timeoutMs);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      await this.loadScripts(timeoutMs); // Redis was restarted, or its scripts were flushed; nothing has run
      reply = await this.send("evalsha", [script.sha, "1", ...args], timeoutMs);
    }
    this.#hooks.onRoundTrip(script.name, (performance.now() - startedAt) / 1_000);
    return reply;
  }

  async loadScripts(timeoutMs: number): Promise<void> {
    await Promise.all(Object.values(scripts).map(({ source }) => this.send("script", ["LOAD", source], timeoutMs)));
  }

  /** Sends one command, with the same errors as {@link run}; other answers of Redis that are errors are thrown as they came. */
  async send(name: string, args: string[], timeoutMs: number): Promise<Reply> {
    if (!this.isReady) throw new QueueUnavailable("Redis is not connected");
    const command = new Command(name, args, { replyEncoding: "utf8" });
    // Its own timer, not ioredis' commandTimeout: a call that timed out must also free the connection it hangs on.
    const timer = setTimeout(() => {
      command.reject(new OutcomeUnknown(`Redis has not answered within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return (await this.#redis.sendCommand(command)) as Reply;
    } catch (error) {
      if (error instanceof OutcomeUnknown) throw error;
      if (isReplyError(error)) {
        if (NOT_NOW.test(error.message)) throw new QueueUnavailable(`Redis refuses: ${error.message}`, error);
        throw error;
      }
      throw new OutcomeUnknown(`the connection to Redis was lost: ${messageOf(error)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#redis.disconnect();
  }
}
