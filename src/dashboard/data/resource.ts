/**
 * Data of the API that a screen shows and refreshes. While a refresh fails or is slow, the last data stays, with its
 * age. Equal keys share one resource, so the header and a screen read the same data once.
 */
import type { ReadonlySignal } from "@preact/signals";
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { TaskFlowError } from "../../client/taskflow.ts";
import { client, signOut } from "./session.ts";

export interface ResourceState<Data> {
  /** Undefined until the first answer. */
  readonly data: Data | undefined;
  /** The error of the latest read; undefined after a success. */
  readonly error: Error | undefined;
  /** When `data` was read, epoch ms; undefined before. */
  readonly readAt: number | undefined;
}

export interface Resource<Data> extends ResourceState<Data> {
  /** Reads now. */
  readonly refresh: () => void;
}

type Load<Data> = (signal: AbortSignal) => Promise<Data>;

/** How long the data of a screen that was left is kept, for a quick way back. */
const KEPT_MS = 30_000;
const MAX_DELAY_MS = 15_000;

class Source<Data> {
  readonly #state = signal<ResourceState<Data>>({ data: undefined, error: undefined, readAt: undefined });
  readonly #users = new Map<symbol, number>();
  #load: Load<Data>;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  /** A read was aborted because nobody used the data, so the data may be older than what was asked for. */
  #isInterrupted = false;

  constructor(load: Load<Data>) {
    this.#load = load;
  }

  get state(): ReadonlySignal<ResourceState<Data>> {
    return this.#state;
  }

  get isUsed(): boolean {
    return this.#users.size > 0;
  }

  /** @param everyMs 0 for one read @returns a function that ends the use */
  use(load: Load<Data>, everyMs: number): () => void {
    const user = Symbol("user");
    this.#load = load;
    this.#users.set(user, everyMs);
    const { readAt } = this.#state.peek();
    if (readAt === undefined || this.#isInterrupted || (everyMs > 0 && Date.now() - readAt >= everyMs)) this.refresh();
    else this.#schedule();
    return () => {
      this.#users.delete(user);
      if (this.isUsed) return;
      this.#isInterrupted ||= this.#abort !== undefined;
      this.#abort?.abort();
      this.#abort = undefined;
      clearTimeout(this.#timer);
    };
  }

  readonly refresh = (): void => {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#isInterrupted = false;
    this.#read(abort).catch((error: unknown) => {
      if (abort.signal.aborted) return;
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    });
  };

  async #read(abort: AbortController): Promise<void> {
    const data = await this.#load(abort.signal);
    if (abort.signal.aborted) return;
    this.#abort = undefined;
    this.#failures = 0;
    this.#state.value = { data, error: undefined, readAt: Date.now() };
    this.#schedule();
  }

  #failed(error: Error): void {
    this.#abort = undefined;
    this.#failures += 1;
    if (error instanceof TaskFlowError && error.status === 401) signOut(error.message);
    this.#state.value = { ...this.#state.peek(), error };
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const everyMs = Math.min(...[...this.#users.values()].filter((ms) => ms > 0));
    const isRepeated = Number.isFinite(everyMs);
    if (!this.isUsed || (!isRepeated && this.#failures === 0)) return;
    const base = isRepeated ? everyMs : 2_000;
    const delayMs = this.#failures === 0 ? base : Math.min(MAX_DELAY_MS, base * 2 ** Math.min(this.#failures, 6));
    this.#timer = setTimeout(() => {
      if (document.hidden) document.addEventListener("visibilitychange", this.refresh, { once: true });
      else this.refresh();
    }, delayMs);
  }
}

const sources = new Map<string, Source<unknown>>();

export interface ResourceOptions {
  /** Reads again so long after each answer, while the page is visible; without it, once. */
  readonly everyMs?: number;
}

/**
 * Reads data while the component is mounted.
 * @param key names the data: equal keys must load equal data
 */
export function useResource<Data>(
  key: string,
  load: (api: ReturnType<typeof client>, signal: AbortSignal) => Promise<Data>,
  { everyMs = 0 }: ResourceOptions = {},
): Resource<Data> {
  const source = useMemo(() => sourceOf<Data>(key, (signal) => load(client(), signal)), [key]);
  useEffect(() => {
    const end = source.use((signal) => load(client(), signal), everyMs);
    return () => {
      end();
      setTimeout(() => {
        if (!source.isUsed && sources.get(key) === source) sources.delete(key);
      }, KEPT_MS);
    };
  }, [source, everyMs]);
  return { ...source.state.value, refresh: source.refresh };
}

/** Reads all mounted resources again whose key begins with this text: after an action. */
export function refreshResources(prefix = ""): void {
  for (const [key, source] of sources) if (source.isUsed && key.startsWith(prefix)) source.refresh();
}

function sourceOf<Data>(key: string, load: Load<Data>): Source<Data> {
  const known = sources.get(key) as Source<Data> | undefined;
  if (known) return known;
  const made = new Source(load);
  sources.set(key, made);
  return made;
}
