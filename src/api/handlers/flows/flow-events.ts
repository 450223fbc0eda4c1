/** `GET /api/v1/flows/{id}/events` and `/api/v1/batches/{id}/events`: the state, and each later one, to the end. */
import type { FlowState } from "../../../core/flows/flow.ts";
import type { ApiDependencies } from "../../dependencies.ts";
import type { Follower } from "../../events/event-hub.ts";
import { BEAT, BEGIN, EVENT_STREAM } from "../../events/event-stream-text.ts";
import type { FlowFollower } from "../../events/followed-flow.ts";
import { END } from "../../events/followed-job.ts";
import { answerOfThrown } from "../../http/async-handler.ts";
import type { Handler, Reply, TextStream } from "../../http/exchange.ts";
import { TOO_MANY } from "../all-events.ts";
import { idOf } from "../jobs.ts";
import type { FlowView } from "./find-flow.ts";

type Dependencies = Pick<ApiDependencies, "events" | "flows" | "log">;

export function followFlow(deps: Dependencies, view: FlowView): Handler {
  const eventOf = eventText(view);
  return (request, reply) => {
    try {
      const id = idOf(request);
      if (request.headers.lastEventId === END) reply.send({ status: 204, body: "" });
      else new FlowEvents(deps, reply, { id, view, eventOf }).open();
    } catch (error) {
      reply.send(answerOfThrown(deps.log, error));
    }
  };
}

/** The event that shows a state; its text is made once for all streams. */
function eventText({ noun, toJson }: FlowView): (state: FlowState) => string {
  const texts = new WeakMap<FlowState, string>();
  return (state) => {
    let text = texts.get(state);
    if (text === undefined) {
      const id = state.status === "running" ? "" : `id: ${END}\n`;
      texts.set(state, (text = `${id}event: ${noun}\ndata: ${toJson(state)}\n\n`));
    }
    return text;
  };
}

interface FlowEventsOptions {
  readonly id: string;
  readonly view: FlowView;
  readonly eventOf: (state: FlowState) => string;
}

class FlowEvents implements Follower, FlowFollower {
  readonly #deps: Dependencies;
  readonly #reply: Reply;
  readonly #options: FlowEventsOptions;
  #stream: TextStream | undefined;
  #leave = (): void => undefined;
  /** The event that was written last. */
  #written = "";

  constructor(deps: Dependencies, reply: Reply, options: FlowEventsOptions) {
    this.#deps = deps;
    this.#reply = reply;
    this.#options = options;
  }

  open(): void {
    const { events, flows } = this.#deps;
    const leave = events.joinFlow(this.#options.id, this, (id) => flows.get(id));
    if (!leave) {
      this.#reply.send(TOO_MANY);
      return;
    }
    this.#leave = leave;
    this.#reply.onGone(leave);
  }

  onFirst(state: FlowState | undefined): void {
    const { id, view } = this.#options;
    if (!state || (view.path === "batches" && state.graph.kind !== "batch")) {
      this.#leave();
      this.#reply.send(view.notFound(id));
      return;
    }
    this.#stream = this.#reply.stream(EVENT_STREAM, this.#leave);
    if (this.#stream.isOver) this.#leave();
    this.#stream.write(BEGIN);
    this.onState(state);
  }

  onState(state: FlowState): void {
    const event = this.#options.eventOf(state);
    if (!this.#stream || event === this.#written) return;
    this.#written = event;
    this.#stream.write(event);
    if (state.status !== "running") this.onEnd();
  }

  onError(error: unknown): void {
    this.#leave();
    this.#reply.send(answerOfThrown(this.#deps.log, error));
  }

  onBeat(): void {
    this.#stream?.write(BEAT);
  }

  onEnd(): void {
    this.#stream?.end();
    this.#leave();
  }
}
