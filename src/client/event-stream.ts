/** Reads server-sent events (WHATWG HTML, section 9.2) from a body. */

/** The server sends something every 15 s, so a connection that is silent for three times that is dead. */
const MAX_SILENT_MS = 45_000;

export interface StreamEvent {
  /** Undefined where the event names none. */
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Yields events until the stream ends or is silent for too long. @throws where the connection breaks */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent, void> {
  const lines: string[] = [];
  for await (const line of linesOf(body)) {
    if (line !== "") {
      lines.push(line);
      continue;
    }
    const event = eventOf(lines.splice(0));
    if (event) yield event;
  }
}

function eventOf(lines: readonly string[]): StreamEvent | undefined {
  let [id, event]: [string | undefined, string] = [undefined, "message"];
  const data: string[] = [];
  for (const line of lines) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "id") id = value;
    else if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { id, event, data: data.join("\n") };
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await nextOf(reader);
      if (done) return;
      // a final \r may be half of \r\n
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    reader.cancel().catch(() => undefined); // a broken connection, which is not read any more
  }
}

/** The next bytes; `done` after {@link MAX_SILENT_MS} without any. */
async function nextOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> {
  const timer = setTimeout(() => {
    reader.cancel().catch(() => undefined);
  }, MAX_SILENT_MS); // then the read ends, or rejects
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}
