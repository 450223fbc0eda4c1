/**
 * One connection to Redis that runs scripts. The ioredis client never re-sends a command and queues nothing while it
 * is offline. If the connection is lost during a call, the call rejects with `OutcomeUnknown`: only the caller knows
 * whether a repeat is harmless.
 */

import type { Redis } from "ioredis";
import { Command, ReplyError } from "ioredis";
import { parseRedisTarget, parseSentinelAddr } from "../config/redis-addr.ts";
import { OutcomeUnknown, QueueDisconnected, QueueUnavailable, ScriptFailed, StartError } from "../errors.ts";
import { outageOf } from "../observability/outage.ts";
import { openRedis } from "./client.ts";
import { RequestBuffers } from "./request-buffers.ts";
import type { Script } from "./scripts.ts";
import { scripts } from "./scripts.ts";
import { BusyServer, isTlsFailure } from "./unfit-server.ts";

/** Error replies after which nothing was changed and a later call may succeed. */
const NOT_NOW =
  /^(OOM|READONLY|LOADING|MISCONF|BUSY|NOREPLICAS|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|CROSSSLOT|NOPERM|NOAUTH)\b/;
/** Redis names the script so in each error that a script raises. */
const IN_SCRIPT = /\buser_script\b/;
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

/**
 * Waits until a client is connected. Rejects at once if the server must be changed first. If there is no connection
 * within `timeoutMs`, it rejects with the last error; an error that the server itself sent takes precedence.
 */
export async function readyWithin(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === "ready") return;
  let lastError: Error | undefined;
  let note: (error: Error) => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      note = (error) => {
        if (isTlsFailure(error) || (error instanceof StartError && !(error instanceof BusyServer))) reject(error);
        if (!(lastError instanceof BusyServer) || error instanceof BusyServer) lastError = error;
      };
      redis.on("error", note);
      const timer = setTimeout(() => reject(lastError ?? new Error("no answer")), timeoutMs);
      redis.once("ready", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  } finally {
    redis.off("error", note);
  }
}

/** A command that is already encoded. */
class WrittenCommand extends Command {
  readonly #bytes: Buffer;

  constructor(name: string, bytes: Buffer, replyEncoding: "utf8" | null = "utf8") {
    super(name, [], { replyEncoding });
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** A `SET` of a large value. The value is a write by itself: joining it with the rest would copy it. */
class StoreCommand extends WrittenCommand {
  readonly #prefix: Buffer;
  readonly #value: Uint8Array;

  constructor(key: string, value: Uint8Array, ttlMs: number) {
    super("set", Buffer.from(`\r\n$2\r\nPX\r\n$${String(ttlMs).length}\r\n${ttlMs}\r\n$2\r\nNX\r\n`));
    this.#prefix = Buffer.from(`*6\r\n$3\r\nSET\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n$${value.length}\r\n`);
    this.#value = value;
  }

  override toWritable(stream?: NodeJS.WritableStream): Buffer {
    stream?.write(this.#prefix);
    stream?.write(this.#value);
    return super.toWritable();
  }
}

export class Connection {
  readonly #redis: Redis;
  readonly #buffers = new RequestBuffers();
  readonly #hooks: ConnectionHooks;
  readonly #user: string;
  #established = 0;
  #isClosed = false;

  constructor(url: string, hooks: ConnectionHooks, name?: string) {
    this.#hooks = hooks;
    this.#redis = openRedis(url, name);
    this.#user = (parseSentinelAddr(url) ?? parseRedisTarget(url))?.user ?? "default";
    this.#redis.on("error", hooks.onError);
    this.#redis.on("ready", () => {
      this.#established += 1;
      hooks.onReady();
    });
  }

  /** The user of Redis that the connection logs in as. */
  get user(): string {
    return this.#user;
  }

  /** How often the connection was established. Each time, the server may be another process. */
  get established(): number {
    return this.#established;
  }

  get isReady(): boolean {
    return this.#redis.status === "ready" && !this.#isClosed;
  }

  /** Waits for the first connection. Rejects with the reason if there is none within `timeoutMs`. */
  opened(timeoutMs: number): Promise<void> {
    return readyWithin(this.#redis, timeoutMs);
  }

  /**
   * Runs a script.
   * @param args KEYS[1], which all scripts take, and ARGV
   * @throws QueueUnavailable if nothing was changed; OutcomeUnknown if Redis did not answer within `timeoutMs`;
   *   ScriptFailed if the script failed on its arguments or on stored data
   */
  async run(script: Script, args: readonly string[], timeoutMs: number): Promise<Reply> {
    const startedAt = performance.now();
    let reply: Reply;
    try {
      reply = await this.#send(["evalsha", script.sha, "1"], args, timeoutMs);
    } catch (error) {
      if (!isReplyError(error) || !error.message.startsWith("NOSCRIPT")) throw error;
      await this.loadScripts(timeoutMs); // Redis was restarted, or its scripts were flushed; nothing has run
      reply = await this.#send(["evalsha", script.sha, "1"], args, timeoutMs);
    }
    this.#hooks.onRoundTrip(script.name, (performance.now() - startedAt) / 1_000);
    return reply;
  }

  async loadScripts(timeoutMs: number): Promise<void> {
    await Promise.all(Object.values(scripts).map(({ source }) => this.send("script", ["LOAD", source], timeoutMs)));
  }

  /**
   * Sends one command, with the same errors as {@link run}. Any other error reply of Redis is thrown unchanged.
   */
  send(name: string, args: readonly string[], timeoutMs: number): Promise<Reply> {
    return this.#send([name], args, timeoutMs);
  }

  /** Stores a value for `ttlMs`, unless the key exists. Errors as {@link send}. */
  async store(key: string, value: Uint8Array, ttlMs: number, timeoutMs: number): Promise<void> {
    await this.#answer(new StoreCommand(key, value, ttlMs), timeoutMs);
  }

  /** The bytes of a value, in a buffer that shares no memory; undefined if there is none. Errors as {@link send}. */
  async fetch(key: string, timeoutMs: number): Promise<Buffer<ArrayBuffer> | undefined> {
    const request = this.#buffers.encode(["get"], [key]);
    const value = (await this.#answer(
      new WrittenCommand("get", request, null),
      timeoutMs,
    )) as unknown as Buffer<ArrayBuffer> | null;
    this.#buffers.release(request);
    if (value === null) return undefined;
    // ioredis returns a short value as a view of its network packet
    return value.length === value.buffer.byteLength ? value : Buffer.from(Uint8Array.from(value).buffer);
  }

  async #send(command: readonly [string, ...string[]], args: readonly string[], timeoutMs: number): Promise<Reply> {
    const bytes = this.#buffers.encode(command, args);
    const reply = await this.#answer(new WrittenCommand(command[0], bytes), timeoutMs);
    this.#buffers.release(bytes);
    return reply;
  }

  async #answer(command: WrittenCommand, timeoutMs: number): Promise<Reply> {
    if (!this.isReady) throw new QueueDisconnected("Redis is not connected");
    // A timer for each call, because ioredis has one commandTimeout for all. A timeout leaves the connection open: the
    // client closes a dead one after SILENT_MS.
    const timer = setTimeout(() => {
      command.reject(new OutcomeUnknown(`Redis has not answered within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return (await this.#redis.sendCommand(command)) as Reply;
    } catch (error) {
      if (error instanceof OutcomeUnknown) throw error;
      if (isReplyError(error)) {
        if (NOT_NOW.test(error.message))
          throw new QueueUnavailable(`Redis rejected the command: ${outageOf(error)}`, error);
        if (IN_SCRIPT.test(error.message)) throw new ScriptFailed(error.message, error);
        throw error;
      }
      throw new OutcomeUnknown(`Redis did not answer: ${outageOf(error)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#redis.disconnect();
  }
}
