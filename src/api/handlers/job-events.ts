/**
 * `GET /api/v1/jobs/{id}/events`: the current job, then each change of its status or progress and each line that it
 * logs, and finally the finished job.
 */
import type { JobView } from "../../core/job.ts";
import { isFinished } from "../../core/job.ts";
import type { Change } from "../../queue/changes.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { Follower } from "../events/event-hub.ts";
import { BEAT, BEGIN, EVENT_STREAM, eventOf } from "../events/event-stream-text.ts";
import type { JobFollower, Shown } from "../events/followed-job.ts";
import { END } from "../events/followed-job.ts";
import type { LineEvents } from "../events/log-events.ts";
import { LinePosition } from "../events/log-events.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import type { Handler, Reply, TextStream } from "../http/exchange.ts";
import { jobNotFound } from "../http/problem.ts";
import { TOO_MANY } from "./all-events.ts";
import { idOf } from "./jobs.ts";

type State = Pick<JobView, "status" | "progress">;

export function followJob(deps: ApiDependencies): Handler {
  return (request, reply) => {
    try {
      const id = idOf(request);
      if (request.headers.lastEventId === END) reply.send({ status: 204, body: "" });
      else new JobEvents(deps, reply, id).open();
    } catch (error) {
      reply.send(answerOfThrown(deps.log, error));
    }
  };
}

class JobEvents implements Follower, JobFollower {
  readonly #deps: Pick<ApiDependencies, "events" | "log">;
  readonly #reply: Reply;
  readonly #id: string;
  #stream: TextStream | undefined;
  #leave = (): void => undefined;
  /** Changes that arrived before the first snapshot. */
  #arrivals: Change[] = [];
  /** The latest snapshot includes all changes before this time; epoch ms. */
  #seenUntil = 0;
  readonly #lines = new LinePosition();
  /** The state that was written last. */
  #written = "";

  constructor(deps: Pick<ApiDependencies, "events" | "log">, reply: Reply, id: string) {
    this.#deps = deps;
    this.#reply = reply;
    this.#id = id;
  }

  open(): void {
    const leave = this.#deps.events.joinJob(this.#id, this);
    if (!leave) {
      this.#reply.send(TOO_MANY);
      return;
    }
    this.#leave = leave;
    this.#reply.onGone(leave);
  }

  onFirst(shown: Shown | undefined): void {
    if (!shown) {
      this.#leave();
      this.#reply.send(jobNotFound(this.#id));
      return;
    }
    this.#stream = this.#reply.stream(EVENT_STREAM, this.#leave);
    if (this.#stream.isOver) this.#leave();
    this.#stream.write(BEGIN);
    this.onLook(shown);
    const later = this.#arrivals.filter(({ at }) => at >= this.#seenUntil);
    this.#arrivals = [];
    // Up to the state that is shown already.
    const known = later.findLastIndex((change) => stateKey(change) === this.#written);
    for (const change of later.slice(known + 1)) this.onChange(change);
  }

  onLook({ view, takenAt, event }: Shown): void {
    if (!this.#stream) return;
    this.#seenUntil = Math.max(this.#seenUntil, takenAt);
    this.#write(view, event);
    if (isFinished(view.status)) this.onEnd();
  }

  onChange(change: Change): void {
    if (!this.#stream) this.#arrivals.push(change);
    else if (change.at >= this.#seenUntil) this.#write(change, () => eventOf(change));
  }

  onLines(lines: LineEvents): void {
    if (!this.#stream) return; // the first look asks for the lines again
    const text = this.#lines.textOf(lines);
    if (text !== "") this.#stream.write(text);
  }

  nextLine(run: string): number {
    return this.#lines.nextOf(run);
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

  #write(state: State, event: () => string): void {
    const key = stateKey(state);
    if (key === this.#written) return;
    this.#written = key;
    this.#stream?.write(event());
  }
}

function stateKey({ status, progress }: State): string {
  return status === "running" ? `running ${progress ?? ""}` : status;
}
