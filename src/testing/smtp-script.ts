/** An SMTP server that follows a script line by line, to behave in unusual ways. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface SmtpScript {
  /** The keywords that EHLO offers. */
  readonly offers?: readonly string[];
  readonly greeting?: string;
  /**
   * The answer to a command, or to the message after DATA, which is passed as ".": a line, or a promise of one; "" for
   * no answer; undefined for the usual answer.
   */
  readonly answer?: (line: string, session: SmtpSession) => string | undefined | Promise<string>;
}

interface SmtpSession {
  /** 1 for the first connection. */
  readonly connection: number;
  /** Recipients that were accepted in this transaction. */
  readonly recipients: string[];
  readonly hangUp: () => void;
}

export interface ScriptedMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** As received, with its dots as they were sent. */
  readonly raw: Buffer;
}

export class ScriptedSmtp {
  script: SmtpScript;
  /** Each was answered with 2yz. */
  readonly messages: ScriptedMessage[] = [];
  readonly commands: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(script: SmtpScript) {
    this.script = script;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      socket.on("error", () => undefined); // the client may hang up first
      socket.on("close", () => this.#sockets.delete(socket));
      this.#speak(socket, this.#connections);
    });
  }

  static async start(script: SmtpScript = {}): Promise<ScriptedSmtp> {
    const peer = new ScriptedSmtp(script);
    await once(peer.#server.listen(0, "127.0.0.1"), "listening");
    return peer;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#connections;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #speak(socket: Socket, connection: number): void {
    const session: SmtpSession = { connection, recipients: [], hangUp: () => socket.destroy() };
    let [from, received, inData] = ["", Buffer.alloc(0), false];
    const take = async (line: string, raw: Buffer): Promise<void> => {
      this.commands.push(line);
      const asked = /^(?:MAIL FROM|RCPT TO):<(.*?)>/.exec(line)?.[1] ?? "";
      if (line.startsWith("MAIL")) [from] = [asked, session.recipients.splice(0)];
      const scripted = await this.script.answer?.(line, session);
      const answer = scripted ?? this.#usualAnswer(line, session.recipients.length);
      if (answer.startsWith("2") && line.startsWith("RCPT")) session.recipients.push(asked);
      if (answer.startsWith("2") && line === ".") this.messages.push({ from, to: [...session.recipients], raw });
      inData = answer.startsWith("354");
      if (answer !== "") socket.write(`${answer}\r\n`);
      if (line === "QUIT") socket.end();
    };
    let turn = Promise.resolve();
    const read = async (): Promise<void> => {
      for (;;) {
        const end = received.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const [raw, line] = [received.subarray(0, end + 2), inData ? "." : received.toString("utf8", 0, end)];
        received = received.subarray(end + (inData ? 5 : 2));
        await take(line, raw);
      }
    };
    socket.write(`${this.script.greeting ?? "220 peer ESMTP"}\r\n`);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      turn = turn.then(read);
    });
  }

  #usualAnswer(line: string, recipients: number): string {
    if (line.startsWith("EHLO"))
      return ["peer", ...(this.script.offers ?? ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 50000000"])]
        .map((text, index, all) => `250${index === all.length - 1 ? " " : "-"}${text}`)
        .join("\r\n");
    if (line === "DATA") return recipients > 0 ? "354 go on" : "503 5.5.1 no recipients";
    return line === "QUIT" ? "221 bye" : "250 2.0.0 ok";
  }
}
