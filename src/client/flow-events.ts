/** Follows a flow or a batch until it ends, across connections. */
import type { CallOptions } from "./call-options.ts";
import type { Batch, Flow } from "./contract.ts";
import { readEventStream } from "./event-stream.ts";
import { COME_AGAIN_MS } from "./job-events.ts";
import { pause } from "./pause.ts";
import { TaskFlowError } from "./taskflow-error.ts";
import { withinTime } from "./time-limit.ts";
import type { Transport } from "./transport.ts";

/** Polls where no events arrive, as when a proxy does not pass them on. */
const FIRST_POLL_MS = 500;
const MAX_POLL_MS = 5_000;

export interface FlowWaitOptions<State> extends CallOptions {
  /** Rejects with `wait_timeout` after this time. Default: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Called with each state, the last one included. */
  readonly onState?: ((state: State) => void) | undefined;
}

/**
 * The states of a flow or batch, from the current one to the last one.
 * @param path of the flow or batch
 * @throws TaskFlowError where no connection can be made; the reason of the signal
 */
export async function* statesOf<State extends Flow | Batch>(
  transport: Transport,
  path: string,
  { signal }: CallOptions,
): AsyncGenerator<State, void> {
  for (;;) {
    const headers = { Accept: "text/event-stream" };
    const response = await transport.open({
      method: "GET",
      path: `${path}/events`,
      headers,
      signal,
      isRepeatable: true,
    });
    try {
      for await (const { event, data } of response.body ? readEventStream(response.body) : []) {
        if (event !== "flow" && event !== "batch") continue; // of a later version
        const state = transport.codec.parse(data) as State;
        yield state;
        if (state.status !== "running") return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TaskFlowError || error instanceof SyntaxError) throw error; // else the connection broke
    }
    await pause(COME_AGAIN_MS * (0.5 + Math.random() / 2), signal);
  }
}

/** The last state of a flow or batch, by its events, or by polling where there are none. */
export function waitForEnd<State extends Flow | Batch>(
  transport: Transport,
  { path, id, what }: { readonly path: string; readonly id: string; readonly what: string },
  { timeoutMs, signal, onState }: FlowWaitOptions<State>,
): Promise<State> {
  return withinTime({ timeoutMs, signal, what, id }, (limited) => endOf(transport, path, { signal: limited, onState }));
}

async function endOf<State extends Flow | Batch>(
  transport: Transport,
  path: string,
  { signal, onState }: Omit<FlowWaitOptions<State>, "timeoutMs">,
): Promise<State> {
  try {
    for await (const state of statesOf<State>(transport, path, { signal })) {
      onState?.(state);
      if (state.status !== "running") return state;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof TaskFlowError)) throw error; // else poll: an issue with the id or the key shows there too
  }
  for (let delayMs = FIRST_POLL_MS; ; delayMs = Math.min(MAX_POLL_MS, delayMs * 1.5)) {
    const state = await transport.json<State>({ method: "GET", path, signal, isRepeatable: true });
    onState?.(state);
    if (state.status !== "running") return state;
    await pause(delayMs, signal);
  }
}
