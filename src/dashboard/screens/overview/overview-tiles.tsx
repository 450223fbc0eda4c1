import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { countOf, countText, durationText, shortCount } from "../../parts/format.ts";
import { rateOfLastMinute, rateText } from "../../parts/series-points.ts";
import type { Tile } from "../../parts/tiles.tsx";
import { Tiles } from "../../parts/tiles.tsx";
import { now } from "../../parts/time.tsx";
import type { Live } from "./observed.ts";

/** A figure that is not known yet keeps its place. */
const UNKNOWN = "–";

export function OverviewTiles({ live }: { readonly live: Live }): JSX.Element {
  return <Tiles tiles={[...rateTiles(live), ...waitTiles(live), slotTile(live), ...countTiles(live)]} />;
}

const jobs = (q: string): string => href(["jobs"], { q });

function rateTiles({ rates: { data, readAt } }: Live): Tile[] {
  return (["completed", "failed"] as const).map((outcome) => ({
    title: outcome === "completed" ? "Completed" : "Failed",
    value: data ? rateText(rateOfLastMinute(data.series, outcome, readAt ?? now.value)) : UNKNOWN,
    note: "per minute",
    tooltip: "Over the last 60 seconds",
    to: jobs(`status:${outcome} finished-since:1m`),
  }));
}

function waitTiles({ stats, queues }: Live): Tile[] {
  const totals = stats.data?.totals;
  const oldest = queues.data?.reduce<{ type: string; ms: number } | undefined>(
    (most, { type, oldest_wait_ms: ms }) => (ms !== null && ms > (most?.ms ?? -1) ? { type, ms } : most),
    undefined,
  );
  const others = totals && [
    ...(totals.waiting > 0 ? [`${shortCount(totals.waiting)} waiting`] : []),
    ...(totals.scheduled > 0 ? [`${shortCount(totals.scheduled)} scheduled`] : []),
    ...(totals.retrying > 0 ? [`${shortCount(totals.retrying)} retrying`] : []),
  ];
  return [
    {
      title: "Queued",
      value: totals ? countText(totals.queued) : UNKNOWN,
      note: others && others.length > 0 ? others.join(", ") : totals ? "none waiting or scheduled" : "",
      to: jobs("status:queued"),
    },
    {
      title: "Oldest wait",
      value: oldest ? durationText(oldest.ms) : UNKNOWN,
      note: oldest?.type ?? (queues.data ? "no job waits" : ""),
      to: oldest ? href(["queues", oldest.type]) : href(["queues"]),
    },
  ];
}

function slotTile({ workers: { data } }: Live): Tile {
  const lanes = (data ?? []).flatMap((worker) => Object.values(worker.lanes));
  const used = lanes.reduce((sum, { running }) => sum + running, 0);
  const limit = lanes.reduce((sum, lane) => sum + lane.limit, 0);
  return {
    title: "Slots in use",
    value: data ? (
      <>
        {countText(used)}
        <span class="muted"> / {countText(limit)}</span>
      </>
    ) : (
      UNKNOWN
    ),
    note: data ? `on ${countOf(data.length, "replica")}` : "",
    to: href(["replicas"]),
  };
}

function countTiles({ stats: { data } }: Live): Tile[] {
  return [
    {
      title: "Outbox",
      value: data ? countText(data.outbox_depth) : UNKNOWN,
      note: "not in Postgres yet",
      tooltip: "Finished jobs that Postgres does not have yet",
      to: jobs("status:completed,failed,cancelled"),
    },
    {
      title: "Unaccounted",
      value: data ? (
        <span class={data.unaccounted === 0 ? "" : "error-text"}>{countText(data.unaccounted)}</span>
      ) : (
        UNKNOWN
      ),
      note: data ? `of ${shortCount(data.accepted)} accepted` : "",
      tooltip: "Accepted jobs that are in no set of jobs. Any number but 0 is a lost job, or one that counts twice.",
      to: href(["jobs"]),
    },
  ];
}
