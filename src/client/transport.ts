/** One call over HTTP, repeated while that may help and does no harm. */
import { pause } from "./pause.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { errorOfResponse, TaskFlowError } from "./taskflow-error.ts";

const DEFAULT_RETRIES = 4;
const DEFAULT_TIMEOUT_MS = 30_000;

/** What reads and writes JSON. */
export interface JsonCodec {
  readonly parse: (text: string) => unknown;
  readonly stringify: (value: unknown) => string;
}

export interface TransportOptions {
  /** Where the server is: `https://jobs.example.com`, or with a path before its own. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /**
   * In place of `JSON`, whose numbers are doubles: with a library that keeps all digits, such as `lossless-json`, payloads go out and payloads and
   * results come back to the digit.
   */
  readonly json?: JsonCodec | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** How many times a call is repeated, at most (4). */
  readonly retries?: number | undefined;
  /** How long one request may take until it is answered (30 s). */
  readonly timeoutMs?: number | undefined;
}

export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  /** With the query. */
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Whether it does no harm that it takes effect twice. */
  readonly isRepeatable: boolean;
  /** How long the server may take on purpose: it comes on top of the time limit. */
  readonly waitMs?: number;
  /** A status beside those of success that is no failure. */
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
    this.#fetch = own ?? ((...request) => globalThis.fetch(...request)); // a browser's fetch refuses another `this`
    this.#retries = retries;
    this.#timeoutMs = timeoutMs;
  }

  /** The JSON of the answer. @throws TaskFlowError, or the reason of the signal */
  async json<Answer>(call: Call): Promise<Answer> {
    return this.#repeat(call, async (response) => this.codec.parse(await response.text()) as Answer);
  }

  /** The answer as soon as its head has come: the time limit does not bound its body. @throws as {@link json} */
  async open(call: Call): Promise<Response> {
    return this.#repeat(call, (response) => Promise.resolve(response));
  }

  async #repeat<Answer>(call: Call, read: (response: Response) => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#attempt(call, read);
      } catch (error) {
        const delayMs =
          error instanceof TaskFlowError ? retryDelayMs(error, attempt, call.isRepeatable, Math.random()) : undefined;
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

/** Node's fetch says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as {
    readonly cause?: { readonly code?: string; readonly message?: string };
    readonly message?: string;
  };
  return cause?.code ?? cause?.message ?? message ?? String(error);
}
