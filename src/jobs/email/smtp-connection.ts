/**
 * One connection to the SMTP server. It sends one message after the other, each in one transaction (RFC 5321, 3.3):
 *
 *   opening → envelope → data → answer
 *
 * The meaning of a failure depends on the phase. Before the final dot nothing was sent. After it the server may have
 * accepted the message, whether or not its reply arrived.
 */
import type { Readable } from "node:stream";
import type { NodemailerError } from "nodemailer";
import type { SMTPConnectionEnvelopeInfo, SMTPEnvelope } from "nodemailer/lib/smtp-connection";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { codeOf } from "../../errors.ts";
import type { SmtpServer } from "./smtp-server.ts";

export type Phase = "opening" | "envelope" | "data" | "answer";

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
  /** The approximate number of octets of the message. */
  readonly bytes: number;
  /** Whether an address in the envelope or the headers is not ASCII. */
  readonly isUtf8: boolean;
}

export interface Transaction {
  /** The last phase that the transaction reached. */
  readonly phase: Phase;
  /** Undefined if the server accepted the message. */
  readonly error: NodemailerError | undefined;
  /** Recipients that the server accepted; they have the message if there is no error. */
  readonly accepted: readonly string[];
  /** One for each recipient that the server rejected or deferred. */
  readonly rejectedErrors: readonly NodemailerError[];
  readonly response: string;
  /** Whether the connection had sent messages before. The server may have dropped it in between. */
  readonly isReused: boolean;
}

/** The time for which a stopped attempt waits for a pending reply; the executor gives up on the attempt after 5 s. */
const LINGER_MS = 4_000;

/** The library's code for a lost connection. */
const LOST = "ECONNECTION";

/** Private members of the library. A test fails if a newer version does not have them. */
interface Internals {
  readonly _supportedExtensions: readonly string[];
  _sendCommand(command: string, logged?: string): void;
}

/**
 * Whether the job is repeated after the attempt is stopped. A cancelled job is not, and a job whose lease is lost runs
 * elsewhere.
 */
export function mayRepeat(signal: AbortSignal): boolean {
  const reason = codeOf(signal.reason);
  return reason === "drain" || reason === "timeout";
}

export class SmtpConnection {
  readonly #server: SmtpServer;
  readonly #raw: SMTPConnection;
  #isUtf8 = false;
  #sent = 0;

  private constructor(server: SmtpServer) {
    this.#server = server;
    this.#raw = new SMTPConnection(server.connection);
    // the transaction gets each error too, and the end of an idle connection is no error
    this.#raw.on("error", () => undefined);
    const raw = this.#raw as unknown as Internals;
    const sendCommand = raw._sendCommand.bind(this.#raw);
    // the library checks only the envelope for such addresses, but a header may have one too
    raw._sendCommand = (command, logged) =>
      sendCommand(this.#isUtf8 && /^MAIL FROM:(?!.* SMTPUTF8)/.test(command) ? `${command} SMTPUTF8` : command, logged);
  }

  /** Connects and logs in. @throws the errors of the library; the reason of `signal` */
  static async open(server: SmtpServer, signal: AbortSignal): Promise<SmtpConnection> {
    const connection = new SmtpConnection(server);
    const raw = connection.#raw;
    let onAbort: (() => void) | undefined;
    try {
      signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        onAbort = () => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
        const settle = (error?: Error | null) => (error ? reject(error) : resolve());
        raw.once("error", reject);
        raw.once("end", () => reject(Object.assign(new Error("the connection was closed"), { code: LOST })));
        raw.connect((error) =>
          error || !server.auth || !raw.allowsAuth ? settle(error) : raw.login({ ...server.auth }, settle),
        );
      });
      return connection;
    } catch (error) {
      raw.close();
      throw error;
    } finally {
      if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
    }
  }

  /** Whether the connection can be used for another message. */
  get isUsable(): boolean {
    return !this.#raw.destroyed && this.#sent < this.#server.maxMessages;
  }

  offers(extension: "SMTPUTF8" | "8BITMIME" | "SIZE"): boolean {
    return (this.#raw as unknown as Internals)._supportedExtensions.includes(extension);
  }

  onEnd(listener: () => void): void {
    this.#raw.once("end", listener);
  }

  /**
   * Sends one message. It does not throw.
   * @param stream the message; it is read only after the server has accepted the envelope
   */
  async transact({ from, to, bytes, isUtf8 }: Envelope, stream: Readable, signal: AbortSignal): Promise<Transaction> {
    const envelope: SMTPEnvelope & Partial<SMTPConnectionEnvelopeInfo> = {
      from,
      to: [...to],
      size: bytes,
      use8BitMime: isUtf8,
    };
    const isReused = this.#sent > 0;
    this.#isUtf8 = isUtf8;
    this.#waitAtMost(this.#server.commandTimeoutMs);
    let phase: Phase = "envelope";
    stream.once("resume", () => {
      phase = "data";
      this.#waitAtMost(this.#server.dataTimeoutMs);
    });
    stream.once("end", () => {
      phase = "answer";
      this.#waitAtMost(this.#server.answerTimeoutMs);
    });
    const { error, response = "" } = await this.#send(envelope, stream, signal, () => phase);
    stream.destroy();
    this.#sent += 1;
    const { accepted = [], rejectedErrors = [] } = envelope; // the library fills them in
    if (error !== undefined) await this.#recover(error);
    else this.#waitAtMost(0);
    return { phase, error, accepted, rejectedErrors, response, isReused };
  }

  close(): void {
    this.#raw.close();
  }

  quit(): void {
    this.#raw.quit();
  }

  #send(
    envelope: SMTPEnvelope,
    stream: Readable,
    signal: AbortSignal,
    phase: () => Phase,
  ): Promise<{ readonly error?: NodemailerError; readonly response?: string }> {
    return new Promise((resolve) => {
      let linger: NodeJS.Timeout | undefined;
      const end = (outcome: { readonly error?: NodemailerError; readonly response?: string }): void => {
        clearTimeout(linger);
        signal.removeEventListener("abort", onAbort);
        this.#raw.removeListener("end", onEnd);
        resolve(outcome);
      };
      const stop = (): void => {
        this.#raw.close();
        end({ error: signal.reason as NodemailerError });
      };
      const onAbort = (): void => {
        if (phase() === "answer" && mayRepeat(signal)) linger = setTimeout(stop, LINGER_MS);
        else stop();
      };
      // an error that ends the connection follows immediately; if none does, the library has found the socket closed
      const onEnd = (): void =>
        void setImmediate(end, { error: Object.assign(new Error("the connection was closed"), { code: LOST }) });
      this.#raw.once("end", onEnd);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) stop();
      else this.#raw.send(envelope, stream, (error, info) => end(error ? { error } : { response: info.response }));
    });
  }

  /** After a rejected message, the connection can send the next one once the transaction is reset. */
  async #recover({ code, responseCode }: NodemailerError): Promise<void> {
    const isOpen = (code === "EENVELOPE" || code === "EMESSAGE") && responseCode !== 421 && !this.#raw.destroyed;
    if (!isOpen) {
      this.#raw.close();
      return;
    }
    await new Promise<void>((resolve) => {
      const end = (error?: Error | null): void => {
        if (error) this.#raw.close();
        resolve();
      };
      this.#raw.once("end", end);
      this.#raw.reset((error) => {
        this.#raw.removeListener("end", end);
        end(error);
      });
    });
    this.#waitAtMost(0);
  }

  /** Applies to the next step only; 0 while no reply is expected. */
  #waitAtMost(ms: number): void {
    if (this.#raw._socket) this.#raw._socket.setTimeout(ms);
  }
}
