import { beforeEach, expect, it } from "vitest";
import type { JobView, Status } from "../../core/job.ts";
import { viewOfSubmission } from "../../core/job-view.ts";
import type { Change } from "../../queue/changes.ts";
import type { LogLines, LogRequest } from "../../queue/log-channel.ts";
import { submission } from "../../testing/queue.ts";
import { until } from "../../testing/until.ts";
import { SlicedWork } from "../http/sliced-work.ts";
import type { JobState } from "../jobs/job-looks.ts";
import type { JobFollower } from "./followed-job.ts";
import { FollowedJob } from "./followed-job.ts";
import type { LineEvents } from "./log-events.ts";
import { LinePosition } from "./log-events.ts";

const ID = "01a20b8f-dc59-7000-a0b8-709b0c88f80f";
const view: JobView = viewOfSubmission(ID, submission());

/** Looks whose result and time the test decides. */
let looks: ((snapshot: JobState | undefined) => void)[];
let work: SlicedWork;
let job: FollowedJob;
/** The requests for the log of the job. */
let requests: ({ readonly worker: string } & LogRequest)[];
beforeEach(() => {
  looks = [];
  work = new SlicedWork();
  requests = [];
  job = new FollowedJob({
    id: ID,
    work,
    requestLog: (worker, request) => requests.push({ worker, ...request }),
    looks: {
      state: () =>
        new Promise((resolve) => {
          looks.push(resolve);
        }),
    },
  });
});

class Recorder implements JobFollower {
  readonly seen: string[] = [];
  readonly texts: string[] = [];
  onChange({ status }: Change): void {
    this.seen.push(`change ${status}`);
  }
  readonly #lines = new LinePosition();
  onLines(lines: LineEvents): void {
    for (const [, line] of this.#lines.textOf(lines).matchAll(/"line":"([^"]*)"/g)) this.seen.push(`line ${line}`);
  }
  nextLine(run: string): number {
    return this.#lines.nextOf(run);
  }
  onError(): void {
    this.seen.push("error");
  }
  onFirst(shown: Parameters<JobFollower["onFirst"]>[0]): void {
    this.seen.push(`first ${shown?.view.status ?? "none"}`);
    if (shown) this.texts.push(shown.event());
  }
  onLook({ view: { status }, event }: Parameters<JobFollower["onLook"]>[0]): void {
    this.seen.push(`look ${status}`);
    this.texts.push(event());
  }
}

const change = (status: Status): Change => ({ eventId: "1-0.0", at: 1, id: ID, type: "noop", status, progress: null });
const show = (status: Status): JobState => ({ view: { ...view, status }, isResultOmitted: false, takenAt: 1 });
const lookBegins = (count: number) => until(() => looks.length === count, { what: `look ${count} begins` });
const turn = () => new Promise(setImmediate);

it("all followers of a job share one look, and the text of one event", async () => {
  const followers = Array.from({ length: 50 }, () => new Recorder());
  for (const follower of followers) {
    job.add(follower);
    job.look();
  }
  await lookBegins(1);
  looks[0]?.(show("queued"));
  await until(() => followers.every(({ seen }) => seen.length === 1), { what: "all followers have the job" });
  expect(new Set(followers.flatMap(({ seen }) => seen))).toEqual(new Set(["first queued"]));
  expect(new Set(followers.flatMap(({ texts }) => texts)).size).toBe(1);
  expect(looks).toHaveLength(1);
});

it("a follower that joins during a look waits for the next one", async () => {
  const [first, second] = [new Recorder(), new Recorder()];
  job.add(first);
  job.look();
  await lookBegins(1);
  job.add(second);
  job.look();
  looks[0]?.(show("scheduled"));
  await lookBegins(2);
  expect(second.seen).toEqual([]);
  looks[1]?.(show("queued"));
  await until(() => second.seen.length === 1, { what: "the second follower has the job" });
  expect([first.seen, second.seen]).toEqual([["first scheduled", "look queued"], ["first queued"]]);
});

it("a look during which a change arrives is dropped, unless the job has finished", async () => {
  const follower = new Recorder();
  job.add(follower);
  job.look();
  await lookBegins(1);
  looks[0]?.(show("queued"));
  await until(() => follower.seen.length === 1, { what: "the follower has the job" });
  job.look();
  await lookBegins(2);
  work.add(job.take(change("running")));
  looks[1]?.(show("queued"));
  await turn();
  job.look();
  await lookBegins(3);
  work.add(job.take(change("retrying")));
  looks[2]?.(show("completed"));
  await until(() => follower.seen.includes("look completed"), { what: "the end is shown" });
  expect(follower.seen).toEqual(["first queued", "change running", "change retrying", "look completed"]);
});

it("the end of a job is shown by a look, which contains its result", async () => {
  const follower = new Recorder();
  job.add(follower);
  work.add(job.take(change("completed")));
  await lookBegins(1);
  expect(follower.seen).toEqual([]);
  looks[0]?.(show("completed"));
  await until(() => follower.seen.length === 1, { what: "the end is shown" });
  expect(follower.texts[0]).toMatch(/^id: end\nevent: status\ndata: \{"id":/);
});

const runs = (worker: string): JobState => ({
  view: { ...view, status: "running", worker, started_at: 1 },
  isResultOmitted: false,
  takenAt: 1,
});
const lines = (worker: string, first: number, ...texts: readonly string[]): LogLines => ({
  ...{ id: ID, attempt: 1, worker, startedAt: 1, first },
  lines: texts.map((text) => `2026-01-01T00:00:00.000Z ${text}`),
});

it("the replica that runs the job is asked for its log, again with each look, and at last that nobody follows", async () => {
  const follower = new Recorder();
  job.add(follower);
  job.look();
  await lookBegins(1);
  looks[0]?.(show("queued"));
  await until(() => follower.seen.length === 1, { what: "the follower has the job" });
  expect(requests).toEqual([]);
  work.add(job.take(change("running"))); // a look finds the replica
  await lookBegins(2);
  looks[1]?.(runs("aaaa0001"));
  await until(() => requests.length === 1, { what: "the replica is asked" });
  work.add(job.takeLines(lines("aaaa0001", 1, "one", "two")));
  const second = new Recorder();
  job.onBeat();
  await lookBegins(3);
  looks[2]?.(runs("aaaa0001"));
  await until(() => requests.length === 2, { what: "the replica is asked again" });
  job.add(second);
  job.look();
  await lookBegins(4);
  looks[3]?.(runs("aaaa0001"));
  await until(() => requests.length === 3, { what: "the replica is asked for the newcomer" });
  work.add(job.takeLines(lines("aaaa0001", 1, "one", "two", "three")));
  work.add(job.takeLines(lines("bbbb0002", 1, "of a replica that lost the job")));
  job.close();
  expect(requests).toEqual([1, 3, 1, 0].map((from) => ({ worker: "aaaa0001", id: ID, from })));
  const linesOf = ({ seen }: Recorder) => seen.filter((one) => one.startsWith("line "));
  expect([linesOf(follower), linesOf(second)]).toEqual([
    ["line one", "line two", "line three"],
    ["line one", "line two", "line three"],
  ]);
});
