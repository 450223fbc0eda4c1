/**
 * `GET /api/v1/jobs/{id}/events`: the job as it is, then each change of its status or progress, and last the finished job.
 *
 * What is published may come before or after what a look at the job shows. So a change that says what was said last is dropped, and
 * a look counts only where nothing was said since it began.
 */
import type { JobView } from "../core/job.ts";
import type { Change } from "../queue/changes.ts";
import { isEventId, isLater } from "../queue/changes.ts";
import { TOO_MANY } from "./all-events.ts";
import { answerOfThrown } from "./async-handler.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { BEAT, BEGIN, EVENT_STREAM, eventOf, stateEvent } from "./event-text.ts";
import type { Handler, Reply, TextStream } from "./exchange.ts";
import type { JobJson } from "./job-json.ts";
import { jobJson } from "./job-json.ts";
import { findJob, idOf } from "./jobs.ts";
import { jobNotFound } from "./problem.ts";
import { hasEnded } from "./waiters.ts";

/** The name of the last event. A client that comes again with it has seen all, and is told so: it would come again for ever. */
const END = "end";

type Followed = Pick<ApiDependencies, "events" | "queue" | "store">;
type State = Pick<JobView, "status" | "progress">;

export function followJob(deps: ApiDependencies): Handler {
  const toJson = jobJson(deps.registry);
  return (request, reply) => {
    const { lastEventId } = request.headers;
    const open = async (): Promise<void> => {
      const id = idOf(request);
      if (lastEventId === END) reply.send({ status: 204, body: "" });
      else await new JobEvents(deps, reply, toJson, id).open(lastEventId);
    };
    open().catch((error: unknown) => reply.send(answerOfThrown(deps.log, error)));
  };
}

class JobEvents {
  readonly #deps: Followed;
  readonly #reply: Reply;
  readonly #toJson: JobJson;
  readonly #id: string;
  #stream: TextStream | undefined;
  #leave: (() => void) | undefined;
  readonly #held: Change[] = [];
  /** What was said last, and how many times something was. */
  #said = "";
  #times = 0;
  #isEnding = false;

  constructor(deps: Followed, reply: Reply, toJson: JobJson, id: string) {
    this.#deps = deps;
    this.#reply = reply;
    this.#toJson = toJson;
    this.#id = id;
  }

  /** @param after the last event that the client has seen, or "" */
  async open(after: string): Promise<void> {
    const { events } = this.#deps;
    this.#leave = events.join({
      id: this.#id,
      onChanges: (changes) => { for (const change of changes) this.#take(change); },
      onGap: () => this.#look(),
      onBeat: () => {
        this.#stream?.write(BEAT);
        this.#look(); // should something have been missed all the same
      },
      onEnd: () => this.#close(),
    });
    if (!this.#leave) { this.#reply.send(TOO_MANY); return; }
    this.#reply.onGone(this.#leave);
    try {
      await events.heard();
      const missed = isEventId(after) ? await events.since(after) : undefined;
      const view = await findJob(this.#deps, this.#id);
      if (view) this.#begin(view, missed?.isWhole ? missed.changes : []);
      else this.#reply.send(jobNotFound(this.#id));
      if (!view) this.#leave();
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  #begin(view: JobView, missed: readonly Change[]): void {
    this.#stream = this.#reply.stream(EVENT_STREAM, () => this.#leave?.());
    if (this.#stream.isOver) this.#leave?.();
    this.#stream.write(BEGIN);
    for (const change of missed) if (change.id === this.#id && !hasEnded(change)) this.#say(change, eventOf(change));
    this.#show(view);
    const lastMissed = missed.at(-1)?.eventId;
    const news = this.#held.filter(({ eventId }) => lastMissed === undefined || isLater(eventId, lastMissed));
    const known = news.findLastIndex((change) => textOf(change) === this.#said); // what led to what was shown
    for (const change of news.slice(known + 1)) this.#take(change);
  }

  #take(change: Change): void {
    if (!this.#stream) this.#held.push(change);
    else if (hasEnded(change)) this.#look();
    else this.#say(change, eventOf(change));
  }

  #look(): void {
    if (!this.#stream || this.#isEnding) return;
    const times = this.#times;
    findJob(this.#deps, this.#id).then(
      (view) => { if (view && (times === this.#times || hasEnded(view))) this.#show(view); },
      () => undefined, // Redis or Postgres is away: the next beat looks again
    );
  }

  #show(view: JobView): void {
    if (this.#isEnding) return;
    const isOver = hasEnded(view);
    this.#say(view, stateEvent(this.#toJson(view), isOver ? END : undefined));
    if (isOver) this.#close();
  }

  #say(state: State, event: string): void {
    const text = textOf(state);
    if (this.#isEnding || text === this.#said) return;
    this.#said = text;
    this.#times += 1;
    this.#stream?.write(event);
  }

  #close(): void {
    this.#isEnding = true;
    this.#stream?.end();
    this.#leave?.();
  }
}

function textOf({ status, progress }: State): string {
  return status === "running" ? `running ${progress ?? ""}` : status;
}
