/** `taskflow stats` and `workers` */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { Stats, Status, Worker } from "../client/contract.ts";
import { STATUSES } from "../core/job.ts";
import { IN_ORDER } from "./exit-code.ts";
import type { Act, Invocation } from "./invocation.ts";
import { printJson } from "./invocation.ts";
import { statusColour } from "./job-text.ts";
import type { Column } from "./table.ts";
import { fieldLines, tablePrinter } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { durationOption, durationText, timeText } from "./time-option.ts";

const WATCH_MS = 2_000;
/** Moves the cursor to the upper left, and clears the screen. */
const CLEAR = "\u001b[H\u001b[J";

export function addStatsCommands(program: Command, act: Act): void {
  program
    .command("stats")
    .summary("shows job counts, rates and latencies")
    .description("Shows the counts of jobs by type and status, rates and latencies.")
    .option(
      "--watch [every]",
      `repeat every ${WATCH_MS / 1_000} s, or at this interval, such as 500ms or 1m`,
      durationOption,
    )
    .action(act(stats));
  program
    .command("workers")
    .summary("shows each live replica")
    .description("Shows each live replica: its host, version and role, and how many of its slots are in use.")
    .action(act(workers));
}

async function stats(
  { client, terminal, isJson, signal }: Invocation,
  { watch }: { readonly watch?: number | true },
): Promise<number> {
  const { out } = terminal;
  do {
    const jobCounts = await client.stats();
    if (isJson) printJson(terminal, jobCounts);
    else out.write((watch !== undefined && out.isTTY === true ? CLEAR : "") + statsText(jobCounts, terminal));
    if (watch !== undefined)
      // rejects only if the signal aborts it
      await delay(watch === true ? WATCH_MS : watch, undefined, { signal }).catch(() => undefined);
  } while (watch !== undefined && !signal.aborted);
  return IN_ORDER;
}

type Counts = readonly [type: string, counts: Readonly<Record<Status, number>>];

const COUNT_COLUMNS: readonly Column<Counts>[] = [
  { title: "type", text: ([type]) => type },
  ...STATUSES.map((status) => ({
    title: status,
    text: ([, counts]: Counts) => String(counts[status]),
    align: "right" as const,
    colour: ([, counts]: Counts) => (counts[status] > 0 ? statusColour(status) : undefined),
  })),
];

function statsText(jobCounts: Stats, { paint }: Pick<Terminal, "paint">): string {
  const texts: string[] = [];
  const out = { write: (text: string) => texts.push(text) };
  tablePrinter({ out, paint }, COUNT_COLUMNS)([...Object.entries(jobCounts.by_type), ["all", jobCounts.totals]]);
  const { jobs_per_minute: rates, latency_ms: latency, unaccounted } = jobCounts;
  const fields = fieldLines(
    [
      ["jobs a minute", `${rates["1m"]} (last minute), ${rates["5m"]} (5 minutes), ${rates["15m"]} (15 minutes)`],
      ["pickup", percentilesText(latency.pickup)],
      ["run", percentilesText(latency.run)],
      ["replicas", String(jobCounts.replicas)],
      ["not yet recorded", String(jobCounts.outbox_depth)],
      ["accepted", String(jobCounts.accepted)],
      ["unaccounted", paint(String(unaccounted), unaccounted === 0 ? undefined : "red")],
      ["at", timeText(jobCounts.time)],
    ],
    { paint },
  );
  return `${texts.join("")}\n${fields}`;
}

function percentilesText(latency: Stats["latency_ms"]["run"]): string | null {
  if (latency === null) return null;
  return (["p50", "p95", "p99"] as const)
    .map((name) => `${name} ${latency[name] === null ? "-" : durationText(latency[name])}`)
    .join(", ");
}

const share = ({ running, limit }: Worker["lanes"]["io"]): string => `${running}/${limit}`;
const WORKER_COLUMNS: readonly Column<Worker>[] = [
  { title: "replica", text: ({ id }) => id },
  { title: "host", text: ({ host }) => host },
  { title: "version", text: ({ version }) => version },
  { title: "role", text: ({ role }) => role },
  { title: "since", text: ({ since }) => timeText(since) },
  { title: "io", text: ({ lanes }) => share(lanes.io), align: "right" },
  { title: "cpu", text: ({ lanes }) => share(lanes.cpu), align: "right" },
  { title: "threads", text: ({ threads }) => `${threads.busy}/${threads.size}`, align: "right" },
  { title: "loop p99", text: ({ event_loop_delay_ms: delays }) => durationText(delays.p99), align: "right" },
];

async function workers({ client, terminal, isJson }: Invocation): Promise<number> {
  const all = await client.workers();
  if (isJson) printJson(terminal, { workers: all });
  else if (all.length === 0) terminal.err.write("No replica runs jobs.\n");
  else tablePrinter(terminal, WORKER_COLUMNS)(all);
  return IN_ORDER;
}
