/**
 * The image process of a pool thread: it starts with the thread's first image, is reused for the next ones, and ends
 * when it is idle.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RetryableError } from "../../core/job-type.ts";
import { type ProcessRequest } from "../../core/job-type.ts";
import { messageOf } from "../../errors.ts";
import type { ReadOptions } from "./decoding.ts";
import { imageError } from "./error-codes.ts";
import { framesOf, type MessageFrame, sendFrame } from "./frame-protocol.ts";
import type { RenderAnswer, RenderRequest } from "./image-process.ts";
import type { RenderedVariant } from "./render.ts";
import type { Variant } from "./variant.ts";

export type StartProcess = (request: ProcessRequest) => void;

/** An idle process ends to free its memory, about 100 MB. */
const IDLE_MS = 60_000;
/** The limit from the start of the process to its connection; 0.2 s on an idle machine. */
const START_TIMEOUT_MS = 15_000;

/** Tests run the sources. Node 20 cannot load TypeScript in a process, so there the built module is used. */
const MODULE = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/jobs/image-resize/image-process.js" : "./image-process.js",
  import.meta.url,
).href;

interface Connection {
  readonly socket: Socket;
  readonly answers: AsyncGenerator<MessageFrame<RenderAnswer>, void>;
}

export class Renderer {
  readonly #startProcess: StartProcess;
  readonly #idleMs: number;
  #connection: Connection | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(startProcess: StartProcess, idleMs = IDLE_MS) {
    this.#startProcess = startProcess;
    this.#idleMs = idleMs;
  }

  /**
   * Renders the variants of an image, one after the other. Render the next image only after this generator has ended.
   * @param watermarks by their reference, for each that a variant names
   * @throws {PermanentError | RetryableError} the errors of `openImage` and `renderVariants`
   * @throws {RetryableError} `image_process_exited`: the process was killed or crashed
   */
  async *render(
    source: Buffer,
    variants: readonly Variant[],
    watermarks: ReadonlyMap<string, Buffer>,
    options: ReadOptions,
  ): AsyncGenerator<RenderedVariant> {
    clearTimeout(this.#idle);
    let isWhole = false;
    try {
      const connection = (this.#connection ??= await this.#connect());
      const request: RenderRequest = { variants, watermarks: [...watermarks.keys()], options };
      await exitsAreIssues(sendFrame(connection.socket, { head: request, parts: [source, ...watermarks.values()] }));
      for (let left = variants.length; left > 0; left--) {
        const {
          head,
          parts: [bytes = Buffer.alloc(0)],
        } = await next(connection);
        isWhole = left === 1 || head.kind === "failed";
        if (head.kind === "failed") throw errorOf(head);
        yield { ...head.rendered, bytes };
      }
    } finally {
      if (!isWhole)
        this.close(); // its remaining answers would be mistaken for those of the next image
      else this.#idle = setTimeout(() => this.close(), this.#idleMs).unref();
    }
  }

  /** Ends the process and its work. */
  close(): void {
    clearTimeout(this.#idle);
    this.#connection?.socket.destroy();
    this.#connection = undefined;
  }

  async #connect(): Promise<Connection> {
    const folder = await mkdtemp(join(tmpdir(), "taskflow-"));
    const server = createServer();
    try {
      const socketPath = join(folder, "socket");
      server.listen(socketPath);
      await once(server, "listening");
      this.#startProcess({ module: MODULE, socketPath, isConfined: true });
      const [socket] = (await exitsAreIssues(
        once(server, "connection", { signal: AbortSignal.timeout(START_TIMEOUT_MS) }),
      )) as [Socket];
      socket.once("error", () => undefined); // readers and writers get the error
      socket.once("close", () => {
        if (this.#connection?.socket === socket) this.close();
      });
      return { socket, answers: framesOf(socket) };
    } finally {
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function next({ answers }: Connection): Promise<MessageFrame<RenderAnswer>> {
  const answer = await exitsAreIssues(answers.next());
  if (answer.done === true) throw exited("in the middle of an image");
  return answer.value;
}

async function exitsAreIssues<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (thrown) {
    throw exited(messageOf(thrown));
  }
}

function exited(how: string): RetryableError {
  return imageError.retryable("image_process_exited", `the image process ended: ${how}`);
}

/**
 * The error that the process threw. An error without a code of this job type is a bug, and is retried like any error.
 */
function errorOf({ name, code, message }: Extract<RenderAnswer, { kind: "failed" }>): Error {
  if (!imageError.isCode(code)) return Object.assign(new Error(message), { code });
  return name === "PermanentError" ? imageError.permanent(code, message) : imageError.retryable(code, message);
}
