/** A client of server-sent events that records all events. */

export interface SeenEvent {
  /** "" if it has none. */
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class EventStream {
  readonly status: number;
  readonly headers: Headers;
  readonly events: SeenEvent[] = [];
  /** All text so far, including comments. */
  text = "";
  /** The server has closed the stream. */
  isOver = false;
  readonly #controller: AbortController;
  /** Never rejects. */
  readonly #reading: Promise<void>;

  private constructor(answer: Response, controller: AbortController) {
    this.status = answer.status;
    this.headers = answer.headers;
    this.#controller = controller;
    this.#reading = this.#read(answer)
      .catch(() => undefined)
      .finally(() => {
        this.isOver = true;
      }); // either side may end it
  }

  /** Resolves when the head of the answer has arrived. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<EventStream> {
    const controller = new AbortController();
    return new EventStream(await fetch(url, { headers, signal: controller.signal }), controller);
  }

  /** The status or progress of each event, in order. */
  get states(): unknown[] {
    return this.events.map(({ event, data }) => (event === "progress" ? data.progress : (data.status ?? event)));
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await this.#reading;
  }

  async #read(answer: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of answer.body ?? []) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true });
      this.text += text;
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
    const data = field("data");
    if (data !== "")
      this.events.push({ id: field("id"), event: field("event"), data: JSON.parse(data) as SeenEvent["data"] });
  }
}
