/**
 * An SMTP server that accepts every message and sends none, used if no mail server is configured. Each message is an
 * .eml file whose first lines contain the envelope, as a delivering mail server adds it. Files are created atomically.
 */
import { type FileHandle, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ParsedMail } from "mailparser";
import type { SMTPServer, SMTPServerDataStream, SMTPServerSession } from "smtp-server";
import { codeOf, StartError } from "../errors.ts";
import { makeDataDir } from "./data-dir.ts";
import { freePort, requireFreePort } from "./free-port.ts";

export interface CaughtMail {
  /** The name of its file without `.eml`; later messages have greater ids. */
  readonly id: string;
  readonly receivedAtMs: number;
  /** The header as written; empty if it is missing. */
  readonly from: string;
  readonly subject: string;
  /** The recipients of the envelope, including blind copies. */
  readonly to: readonly string[];
}

export interface MailCatcherOptions {
  /** The folder of the messages. */
  readonly dataDir: string;
  /** A free port by default. */
  readonly port?: number;
}

const MOST_BYTES = 25 * 1024 * 1024; // the limit of the large mail services
const MOST_MESSAGES = 1_000;
const MOST_HEADER_BYTES = 64 * 1024;
const FAREWELL_MS = 500;
const ID = /^\d{14}$/u;

type Parse = typeof import("mailparser").simpleParser;

/**
 * Starts a mail catcher on 127.0.0.1, without authentication or TLS.
 * @throws StartError in one sentence.
 */
export async function startMailCatcher({ dataDir, port }: MailCatcherOptions): Promise<MailCatcher> {
  const [{ SMTPServer }, { simpleParser }] = await Promise.all([import("smtp-server"), import("mailparser")]).catch(
    (error: unknown) => {
      throw new StartError(
        "The mail catcher is not installed: set SMTP_URL, or install the dev dependencies, which include it.",
        error,
      );
    },
  );
  makeDataDir(dataDir, "the mail catcher");
  const names = await readdir(dataDir);
  // incomplete: the program was killed
  for (const name of names.filter((each) => each.endsWith(".part"))) await rm(join(dataDir, name), { force: true });
  const ids = names
    .filter((name) => name.endsWith(".eml"))
    .map((name) => name.slice(0, -".eml".length))
    .filter((id) => ID.test(id));
  const ownPort = port ?? (await freePort());
  await requireFreePort(ownPort, "The mail catcher");
  const catcher = new MailCatcher(dataDir, ownPort, ids.sort(), simpleParser);
  await catcher.listen((options) => new SMTPServer(options));
  return catcher;
}

type ServerOptions = ConstructorParameters<typeof SMTPServer>[0];

export class MailCatcher {
  /** `smtp://127.0.0.1:PORT` */
  readonly url: string;
  readonly #dataDir: string;
  readonly #port: number;
  readonly #parse: Parse;
  /** The ids of all messages, oldest first. */
  readonly #ids: string[];
  readonly #known = new Map<string, CaughtMail>();
  #server: SMTPServer | undefined;
  #closing: Promise<void> | undefined;

  constructor(dataDir: string, port: number, ids: string[], parse: Parse) {
    this.url = `smtp://127.0.0.1:${port}`;
    this.#dataDir = dataDir;
    this.#port = port;
    this.#ids = ids;
    this.#parse = parse;
  }

  /** Called once, by {@link startMailCatcher}. */
  async listen(make: (options: ServerOptions) => SMTPServer): Promise<void> {
    const server = make({
      authOptional: true,
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      size: MOST_BYTES,
      closeTimeout: FAREWELL_MS,
      onData: (stream, session, done) => {
        this.#take(stream, session).then(done, done);
      },
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    server.on("error", () => undefined); // the client notices its broken connection, and nothing was stored
    this.#server = server;
  }

  /** All messages, newest first. */
  async list(): Promise<CaughtMail[]> {
    const mails = await Promise.all(this.#ids.map((id) => this.#summary(id)));
    return mails.filter((mail) => mail !== undefined).reverse();
  }

  /** A whole message; undefined if no message has this id. */
  async read(id: string): Promise<ParsedMail | undefined> {
    const source = await this.source(id);
    return source && this.#parse(source);
  }

  /** A whole message as received, with the envelope in its first lines. */
  async source(id: string): Promise<Buffer | undefined> {
    if (!ID.test(id)) return undefined;
    try {
      return await readFile(this.#path(id));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#server?.close(resolve));
    return this.#closing;
  }

  #path(id: string): string {
    return join(this.#dataDir, `${id}.eml`);
  }

  async #take(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<Error | null> {
    const id = this.#nextId();
    const unfinished = join(this.#dataDir, `${id}.part`);
    const from = envelope.mailFrom ? envelope.mailFrom.address : "";
    const head = [
      `Return-Path: <${from}>`,
      ...envelope.rcptTo.map(({ address }) => `Delivered-To: ${address}`),
      "",
    ].join("\r\n");
    try {
      const file = await open(unfinished, "w", 0o600);
      try {
        await writeMessage(file, head, stream);
      } finally {
        await file.close();
      }
      if (stream.sizeExceeded)
        return Object.assign(new Error(`Larger than ${MOST_BYTES} bytes`), { responseCode: 552 });
      await rename(unfinished, this.#path(id));
    } finally {
      await rm(unfinished, { force: true });
    }
    this.#ids.push(id);
    this.#ids.sort();
    await this.#removeOldest();
    return null;
  }

  /** The current time in epoch ms, but at least the last id plus one: ids must not repeat if the clock is set back. */
  #nextId(): string {
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1, Number(this.#ids.at(-1) ?? 0) + 1);
    return String(this.#lastMs).padStart(14, "0");
  }
  #lastMs = 0;

  async #removeOldest(): Promise<void> {
    for (const id of this.#ids.splice(0, this.#ids.length - MOST_MESSAGES)) {
      this.#known.delete(id);
      await rm(this.#path(id), { force: true });
    }
  }

  async #summary(id: string): Promise<CaughtMail | undefined> {
    const known = this.#known.get(id);
    if (known) return known;
    let header: Buffer;
    try {
      header = await readHeader(this.#path(id));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined; // the user deleted it, or it was the oldest message
      throw error;
    }
    const { headerLines, from, subject = "" } = await this.#parse(header);
    const to = headerLines
      .filter(({ key }) => key === "delivered-to")
      .map(({ line }) => line.slice(line.indexOf(":") + 1).trim());
    const mail = { id, receivedAtMs: Number(id), from: from?.text ?? "", subject, to };
    this.#known.set(id, mail);
    return mail;
  }
}

/**
 * Writes a message while it arrives. Reads a message that is too large to its end, as SMTP requires, but does not store
 * it.
 */
async function writeMessage(file: FileHandle, head: string, stream: SMTPServerDataStream): Promise<void> {
  await file.write(head);
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) await file.write(chunk);
  }
}

/** Reads the lines before the first empty line, as a message without a body. */
async function readHeader(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_HEADER_BYTES), 0, MOST_HEADER_BYTES, 0);
    const read = buffer.subarray(0, bytesRead);
    const end = read.indexOf("\r\n\r\n");
    return end < 0 ? read : read.subarray(0, end + 4);
  } finally {
    await file.close();
  }
}
