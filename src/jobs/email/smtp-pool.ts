/** The connections of one replica, or of one of its threads, to the SMTP server. */
import { ByteBudget } from "../../concurrency/byte-budget.ts";
import { type Patience, patiently } from "./sending-limits.ts";
import { SmtpConnection } from "./smtp-connection.ts";
import type { SmtpServer } from "./smtp-server.ts";

/**
 * Shorter than the five minutes that servers wait at least (RFC 5321), so that this side closes an idle connection, and
 * not the server during a message.
 */
const IDLE_MS = 4 * 60_000;

/**
 * The server may take ten minutes for one reply. A message that waits for such replies must not spend its own time
 * limit on them.
 */
const CONNECTION_WAIT: Patience = {
  ms: 60_000,
  code: "smtp_busy",
  message: "all connections to the SMTP server have been in use for a minute; the message waits for its turn",
};

/** No connection could be opened; nothing was sent. */
export class OpeningError extends Error {
  constructor(cause: unknown) {
    super("no connection to the SMTP server", { cause });
    this.name = "OpeningError";
  }
}

export class SmtpPool {
  readonly #server: SmtpServer;
  readonly #slots: ByteBudget;
  readonly #patience: Patience;
  /** Each connection with the timer that closes it, the longest idle first. */
  readonly #idle = new Map<SmtpConnection, NodeJS.Timeout>();
  #isClosed = false;

  /** Sockets open with the first message, so an unavailable server does not prevent the start. */
  constructor(server: SmtpServer, connections: number, patience = CONNECTION_WAIT) {
    this.#server = server;
    this.#patience = patience;
    this.#slots = new ByteBudget(connections);
  }

  /**
   * Runs `work` with exclusive use of a connection.
   * @throws {OpeningError}; {RetryAfterError} `smtp_busy`; the reason of `signal`
   */
  async use<Result>(signal: AbortSignal, work: (connection: SmtpConnection) => Promise<Result>): Promise<Result> {
    const isFree = this.#slots.used < this.#slots.total;
    const slot = await (isFree ? this.#slots.acquire(1, signal) : patiently(this.#slots, 1, signal, this.#patience));
    try {
      const connection = this.#takeIdle() ?? (await this.#open(signal));
      try {
        return await work(connection);
      } finally {
        this.#giveBack(connection);
      }
    } finally {
      slot.release();
    }
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.keys()) this.#drop(connection);
  }

  async #open(signal: AbortSignal): Promise<SmtpConnection> {
    try {
      const connection = await SmtpConnection.open(this.#server, signal);
      connection.onEnd(() => this.#drop(connection));
      return connection;
    } catch (error) {
      signal.throwIfAborted();
      throw new OpeningError(error);
    }
  }

  /** The most recently used connection, so that the others stay idle and close. */
  #takeIdle(): SmtpConnection | undefined {
    const last = [...this.#idle.keys()].at(-1);
    if (last === undefined) return undefined;
    clearTimeout(this.#idle.get(last));
    this.#idle.delete(last);
    return last;
  }

  #giveBack(connection: SmtpConnection): void {
    if (!connection.isUsable || this.#isClosed) {
      this.#drop(connection);
      return;
    }
    const timer = setTimeout(() => {
      this.#idle.delete(connection);
      connection.quit();
    }, IDLE_MS);
    timer.unref();
    this.#idle.set(connection, timer);
  }

  #drop(connection: SmtpConnection): void {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    connection.close();
  }
}
