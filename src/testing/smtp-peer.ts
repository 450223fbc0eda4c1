/** An SMTP server that counts and stores its messages, and misbehaves on command. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";

export type SmtpBehaviour =
  | { readonly kind: "accept" }
  /** Answers RCPT, or the message itself, with this code (4xx or 5xx). */
  | { readonly kind: "answer"; readonly at: "rcpt" | "data"; readonly code: number; readonly text?: string }
  /** Nothing listens: connections are refused. */
  | { readonly kind: "refuse" }
  /** Accepts connections and never sends anything. */
  | { readonly kind: "hang" }
  /** Accepts and stores the message, and closes without an answer. */
  | { readonly kind: "drop-after-data" }
  /**
   * Accepts the message, pauses after each piece of some 64 KB, and keeps only its headers: for messages of many
   * megabytes.
   */
  | { readonly kind: "sink"; readonly pauseMs: number }
  /** Answers 451 to the first recipients, as greylisting does, and accepts the rest. */
  | { readonly kind: "greylist"; readonly first: number };

export interface PeerMessage {
  readonly from: string;
  /** The recipients of the envelope. */
  readonly to: readonly string[];
  /** The message as received, headers and body. */
  readonly raw: string;
  readonly mail: ParsedMail;
}

export class SmtpPeer {
  /** The accepted messages, in order. */
  readonly messages: PeerMessage[] = [];
  readonly #server: SMTPServer;
  readonly #sockets = new Set<Socket>();
  #behaviour: SmtpBehaviour = { kind: "accept" };
  #port = 0;
  #connections = 0;
  #recipients = 0;

  private constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      onConnect: (_session, done) => {
        if (this.#behaviour.kind !== "hang") done();
      },
      onRcptTo: (_address, _session, done) => done(this.#rejectionOfRecipient()),
      onData: (stream, session, done) => {
        this.#take(stream, session).then(done, done);
      },
    });
    this.#server.on("error", () => undefined); // tests break connections on purpose
    this.#server.server.on("connection", (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  /** Starts a peer on a free port of 127.0.0.1. */
  static async start(): Promise<SmtpPeer> {
    const peer = new SmtpPeer();
    await peer.#listen();
    return peer;
  }

  /** `smtp://127.0.0.1:PORT` */
  get url(): string {
    return `smtp://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Recipients so far, including rejected ones. */
  get recipients(): number {
    return this.#recipients;
  }

  async behave(behaviour: SmtpBehaviour): Promise<void> {
    this.#behaviour = behaviour;
    if (behaviour.kind === "refuse") await this.#stopListening();
    else if (!this.#server.server.listening) await this.#listen();
  }

  async close(): Promise<void> {
    await this.#stopListening();
  }

  async #listen(): Promise<void> {
    this.#server.server.listen(this.#port, "127.0.0.1");
    await once(this.#server.server, "listening");
    this.#port = (this.#server.server.address() as AddressInfo).port;
  }

  async #stopListening(): Promise<void> {
    if (!this.#server.server.listening) return;
    const closed = once(this.#server.server, "close");
    this.#server.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #rejectionOfRecipient(): Error | null {
    this.#recipients += 1;
    const behaviour = this.#behaviour;
    if (behaviour.kind === "answer" && behaviour.at === "rcpt") return smtpError(behaviour.code, behaviour.text);
    if (behaviour.kind !== "greylist" || behaviour.first <= 0) return null;
    this.#behaviour = { kind: "greylist", first: behaviour.first - 1 };
    return smtpError(451, "4.7.1 Greylisted, come back later");
  }

  async #take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Error | undefined> {
    const raw =
      this.#behaviour.kind === "sink" ? await readSlowly(stream, this.#behaviour.pauseMs) : await buffer(stream);
    const behaviour = this.#behaviour;
    if (behaviour.kind === "answer" && behaviour.at === "data") return smtpError(behaviour.code, behaviour.text);
    const { mailFrom, rcptTo } = session.envelope;
    this.messages.push({
      from: mailFrom ? mailFrom.address : "",
      to: rcptTo.map(({ address }) => address),
      raw: raw.toString("utf8"),
      mail: await simpleParser(raw),
    });
    if (behaviour.kind === "drop-after-data") {
      for (const socket of this.#sockets) if (socket.remotePort === session.remotePort) socket.destroy();
    }
    return undefined;
  }
}

/** Reads to the end, and keeps the first piece, which has the headers. */
async function readSlowly(stream: SMTPServerDataStream, pauseMs: number): Promise<Buffer> {
  let first: Buffer | undefined;
  for await (const piece of stream) {
    first ??= piece as Buffer;
    await delay(pauseMs);
  }
  return first ?? Buffer.alloc(0);
}

function smtpError(responseCode: number, text = "Rejected by the test"): Error {
  return Object.assign(new Error(text), { responseCode });
}
