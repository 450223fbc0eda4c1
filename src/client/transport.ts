/** One call over HTTP, repeated where a repetition may succeed and is safe. */
import { pause } from "./pause.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { errorOfResponse, TaskFlowError } from "./taskflow-error.ts";

const DEFAULT_RETRIES = 4;
const DEFAULT_TIMEOUT_MS = 30_000;

/** Reads and writes JSON. */
export interface JsonCodec {
  readonly parse: (text: string) => unknown;
  readonly stringify: (value: unknown) => string;
}

export interface TransportOptions {
  /** The server's URL: `https://jobs.example.com`, or with a path prefix. */
  readonly url: string;
  /** Not needed where the server has no keys. */
  readonly apiKey?: string | undefined;
  /**
   * Replaces `JSON`, whose numbers are doubles. With a library that keeps all digits, such as `lossless-json`, payloads
   * and results keep every digit in both directions.
   */
  readonly json?: JsonCodec | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** The most repetitions of one call. Default: 4. */
  readonly retries?: number | undefined;
  /** The time limit of one request until its answer has come, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With the query. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Whether the call may safely take effect twice. */
  readonly isRepeatable: boolean;
  /** How long the server waits on purpose: added to the time limit. */
  readonly waitMs?: number;
  /** A further status that counts as success. */
  readonly alsoTakes?: number;
}

export class Transport {
  readonly codec: JsonCodec;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;
  readonly #retries: number;
  readonly #timeoutMs: number;

  /** @throws TypeError for a `url` that is none */
  constructor({
    url,
    apiKey,
    json = JSON,
    fetch: own,
    retries = DEFAULT_RETRIES,
    timeoutMs = DEFAULT_TIMEOUT_MS,
  }: TransportOptions) {
    this.codec = json;
    this.#url = new URL(url).href.replace(/\/+$/, "");
    this.#headers = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
    this.#fetch = own ?? ((...request) => globalThis.fetch(...request)); // a browser's fetch throws with another `this`
    this.#retries = retries;
    this.#timeoutMs = timeoutMs;
  }

  urlOf(path: string): string {
    return this.#url + path;
  }

  /** The JSON of the answer. @throws TaskFlowError, or the reason of the signal */
  async json<Answer>(call: Call): Promise<Answer> {
    return this.#repeat(call, async (response) => this.codec.parse(await response.text()) as Answer);
  }

  /** The response, once its head has come: the time limit does not include its body. @throws as {@link json} */
  async open(call: Call): Promise<Response> {
    return this.#repeat(call, (response) => Promise.resolve(response));
  }

  async #repeat<Answer>(call: Call, read: (response: Response) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#attempt(call, read);
      } catch (error) {
        const delayMs = error instanceof TaskFlowError ? retryDelayMs(error, attempt, call, Math.random()) : undefined;
        if (delayMs === undefined || attempt >= this.#retries) throw error;
        await pause(delayMs, call.signal);
      }
    }
  }

  async #attempt<Answer>(
    { method, path, body, headers, signal, waitMs = 0, alsoTakes }: Call,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    signal?.throwIfAborted();
    const limit = new AbortController();
    const limitMs = this.#timeoutMs + waitMs;
    const timer = setTimeout(() => limit.abort(new Error(`no answer within ${limitMs} ms`)), limitMs);
    try {
      const response = await this.#fetch(this.#url + path, {
        method,
        headers: { ...this.#headers, ...(body !== undefined && { "Content-Type": "application/json" }), ...headers },
        ...(body !== undefined && { body }),
        signal: signal ? AbortSignal.any([limit.signal, signal]) : limit.signal,
      });
      if (!response.ok && response.status !== alsoTakes) throw await errorOfResponse(response);
      return await read(response);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TaskFlowError) throw error;
      throw new TaskFlowError("unreachable", 0, `No answer from ${this.#url}: ${reasonOf(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The message of Node's fetch is "fetch failed"; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as {
    readonly cause?: { readonly code?: string; readonly message?: string };
    readonly message?: string;
  };
  return cause?.code ?? cause?.message ?? message ?? String(error);
}
