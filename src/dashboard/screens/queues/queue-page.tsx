/** The queue of one job type: its state, its figures, and the jobs that wait in it. */
import type { JSX } from "preact";
import type { QueueDetail } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import type { ScreenProps } from "../../app/screens.ts";
import { useResource } from "../../data/resource.ts";
import { filterWord } from "../../parts/filter-words.ts";
import { countText, durationText, shortCount } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Page } from "../../parts/page.tsx";
import { Loaded } from "../../parts/problem.tsx";
import { RangePicker } from "../../parts/range.tsx";
import type { Tile } from "../../parts/tiles.tsx";
import { Tiles } from "../../parts/tiles.tsx";
import { PauseButton } from "./pause-button.tsx";
import { QueueCharts } from "./queue-charts.tsx";
import { QueueState } from "./queue-state.tsx";
import type { RecentCounts } from "./recent-counts.ts";
import { perMinute, useRecentCounts, WINDOW_TEXT } from "./recent-counts.ts";
import { TypeFacts } from "./type-facts.tsx";
import { GroupPanel, NextDuePanel, PriorityPanel } from "./waiting-panels.tsx";

const READ_EVERY_MS = 2_000;

export function QueuePage({ item: type = "" }: ScreenProps): JSX.Element {
  const queue = useResource(`queue ${type}`, (api, signal) => api.queue(type, { signal }), { everyMs: READ_EVERY_MS });
  const counts = useRecentCounts();
  const { data, error } = queue;
  if (!data && error instanceof TaskFlowError && error.status === 404)
    return (
      <Page title="Queue not found">
        <p>
          There is no job type <code>{type}</code>, so it has no queue. <Link to={href(["queues"])}>All queues</Link>
        </p>
      </Page>
    );
  return (
    <Page
      title={`Queue ${type}`}
      heading={
        <span class="queue-heading">
          {type} {data ? <QueueState queue={data} replicas={data.replicas.length} /> : null}
        </span>
      }
      actions={
        <>
          <Link to={href(["new", type])} class="button">
            New job
          </Link>
          {data ? <PauseButton queue={data} /> : null}
        </>
      }
    >
      <Loaded of={queue}>
        {(detail) => (
          <>
            {detail.state === "paused" ? <PausedNotice queue={detail} /> : null}
            <div class="queue-tiles">
              <Tiles
                tiles={tilesOf(
                  detail,
                  counts?.find((each) => each.type === type),
                )}
              />
            </div>
            <div class="queue-range">
              <RangePicker />
            </div>
            <QueueCharts type={type} />
            <div class="columns queue-waiting">
              <NextDuePanel queue={detail} />
              <GroupPanel queue={detail} />
            </div>
            <div class="columns queue-waiting">
              <PriorityPanel queue={detail} />
              <TypeFacts queue={detail} />
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function PausedNotice({ queue: { paused_reason: reason } }: { readonly queue: QueueDetail }): JSX.Element {
  return (
    <div class="notice">
      No replica starts jobs of this queue until it is resumed.{reason === null ? "" : ` Reason: ${reason}`}
    </div>
  );
}

function tilesOf(queue: QueueDetail, counts: RecentCounts | undefined): Tile[] {
  const { type, depth, oldest_wait_ms: oldestMs, waiting, scheduled, retrying, running, limit, replicas } = queue;
  const jobs = (status: string): string => href(["jobs"], { q: `${filterWord("type", [type])} status:${status}` });
  const ended = (status: string): string =>
    href(["jobs"], { q: `${filterWord("type", [type])} status:${status} finished-since:15m` });
  return [
    {
      title: "Queued",
      value: countText(depth),
      note: waiting === 0 ? "now" : `${shortCount(waiting)} wait for others`,
      to: jobs("queued"),
    },
    { title: "Oldest wait", value: durationText(oldestMs), note: "now", to: jobs("queued") },
    {
      title: "Running",
      value: (
        <>
          {countText(running)}
          <span class="muted"> / {countText(limit)}</span>
        </>
      ),
      note: replicas.length === 1 ? "on 1 replica" : `on ${replicas.length} replicas`,
      to: jobs("running"),
    },
    { title: "Scheduled", value: countText(scheduled), note: "now", to: jobs("scheduled") },
    { title: "Retrying", value: countText(retrying), note: "now", to: jobs("retrying") },
    { title: "Completed per minute", value: perMinute(counts?.completed), note: WINDOW_TEXT, to: ended("completed") },
    { title: "Failed per minute", value: perMinute(counts?.failed), note: WINDOW_TEXT, to: ended("failed") },
    { title: "Retries per minute", value: perMinute(counts?.retries), note: WINDOW_TEXT },
    { title: "Wait p95", value: durationText(counts?.pickup_ms?.p95), note: WINDOW_TEXT },
    { title: "Run p95", value: durationText(counts?.run_ms?.p95), note: WINDOW_TEXT },
  ];
}
