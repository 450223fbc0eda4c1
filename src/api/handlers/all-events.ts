/** `GET /api/v1/events`: the changes of all jobs, or of those that match the filters, as they happen. */
import type { Rejection } from "../../core/body.ts";
import { invalid } from "../../core/body.ts";
import { isId } from "../../core/id.ts";
import { STATUSES } from "../../core/job.ts";
import type { ValidationIssue } from "../../core/schema-issues.ts";
import { escapePointer } from "../../core/schema-issues.ts";
import type { Change } from "../../queue/changes.ts";
import type { ApiDependencies } from "../dependencies.ts";
import type { AllFollower } from "../events/all-followers.ts";
import type { Beginning, Follower } from "../events/event-hub.ts";
import { BEAT, BEGIN, EVENT_STREAM, eventOf, GAP } from "../events/event-stream-text.ts";
import { answerOfThrown } from "../http/async-handler.ts";
import type { Handler, Reply, TextStream } from "../http/exchange.ts";
import { problem, problemOfRejection } from "../http/problem.ts";

export const TOO_MANY = problem(
  503,
  "too_many_streams",
  "This replica is shutting down, or serves as many event streams as it can.",
);

type Filter = (change: Change) => boolean;

export function followAll(deps: ApiDependencies): Handler {
  return (request, reply) => {
    const filter = readFilter(request.query);
    if ("rejection" in filter) reply.send(problemOfRejection(filter.rejection));
    else
      new AllEvents(deps, reply, filter.passes)
        .open(request.headers.lastEventId)
        .catch((error: unknown) => reply.send(answerOfThrown(deps.log, error)));
  };
}

class AllEvents implements Follower, AllFollower {
  readonly #deps: Pick<ApiDependencies, "events">;
  readonly #reply: Reply;
  readonly #passes: Filter;
  #stream: TextStream | undefined;
  #leave = (): void => undefined;

  constructor(deps: Pick<ApiDependencies, "events">, reply: Reply, passes: Filter) {
    this.#deps = deps;
    this.#reply = reply;
    this.#passes = passes;
  }

  /** @param after the id of the last event that the client received, or "" */
  async open(after: string): Promise<void> {
    const { events } = this.#deps;
    const leave = events.joinAll(this);
    if (!leave) {
      this.#reply.send(TOO_MANY);
      return;
    }
    this.#leave = leave;
    this.#reply.onGone(leave);
    try {
      await events.follow(this, after, (beginning) => this.#begin(beginning));
    } catch (error) {
      leave();
      throw error;
    }
  }

  get isFull(): boolean {
    return this.#stream?.isFull ?? false;
  }

  onChanges(changes: readonly Change[]): void {
    const wanted = changes.filter(this.#passes);
    if (wanted.length > 0) this.#stream?.write(wanted.map(eventOf).join(""));
  }

  onGap(): void {
    this.#stream?.write(GAP);
  }

  onTooSlow(): void {
    this.#stream?.cut();
  }

  onBeat(): void {
    this.#stream?.write(BEAT);
  }

  onEnd(): void {
    this.#stream?.end();
    this.#leave();
  }

  #begin({ isWhole }: Beginning): void {
    const stream = this.#reply.stream(EVENT_STREAM, this.#leave);
    this.#stream = stream;
    stream.onWritable(() => this.#deps.events.proceed());
    if (stream.isOver) this.#leave();
    stream.write(BEGIN + (isWhole ? "" : GAP));
  }
}

const FILTERS = ["ids", "status", "type"] as const;
const MAX_IDS = 100;

/** @param query `ids`, `status` and `type`: one or more values each, separated by commas */
function readFilter(query: string): { readonly passes: Filter } | { readonly rejection: Rejection } {
  const params = new URLSearchParams(query);
  const issues: ValidationIssue[] = [...new Set(params.keys())]
    .filter((name) => !(FILTERS as readonly string[]).includes(name))
    .map((name) => ({ path: `/${escapePointer(name)}`, message: "is not a parameter of this call" }));
  for (const name of FILTERS)
    if (params.getAll(name).length > 1)
      issues.push({ path: `/${name}`, message: "must be given once; separate several values with commas" });
  const list = (name: (typeof FILTERS)[number]): Set<string> | undefined =>
    params.has(name) ? new Set(params.get(name)?.split(",")) : undefined;
  const [statuses, types] = [list("status"), list("type")];
  const ids = params.has("ids") ? readIds(params.get("ids") ?? "", issues) : undefined;
  if ([...(statuses ?? [])].some((status) => !(STATUSES as readonly string[]).includes(status)))
    issues.push({ path: "/status", message: `expected one or more of ${STATUSES.join(", ")}` });
  if ([...(types ?? [])].some((type) => !/^\w{1,255}$/.test(type)))
    issues.push({ path: "/type", message: "expected one or more names of job types" });
  if (issues.length > 0) return invalid(issues);
  return {
    passes: ({ id, status, type }) =>
      (!ids || ids.has(id)) && (!statuses || statuses.has(status)) && (!types || types.has(type)),
  };
}

/** @param issues gets one for each id that is not valid */
function readIds(text: string, issues: ValidationIssue[]): Set<string> {
  const ids = text.split(",").map((id) => id.toLowerCase());
  if (ids.length > MAX_IDS) issues.push({ path: "/ids", message: `expected 1 to ${MAX_IDS} ids` });
  ids.slice(0, MAX_IDS).forEach((id, i) => {
    if (!isId(id)) issues.push({ path: `/ids/${i}`, message: "expected the id of a job" });
  });
  return new Set(ids);
}
