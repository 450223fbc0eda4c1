/** Formats jobs for the terminal. */
import type { Job, Status } from "../client/contract.ts";
import type { JobSummary } from "../client/taskflow.ts";
import { printable } from "../observability/terminal-text.ts";
import { exactJson } from "./exact-json.ts";
import { IN_ORDER, ISSUES_FOUND } from "./exit-code.ts";
import type { Column } from "./table.ts";
import { fieldLines } from "./table.ts";
import type { Colour, Terminal } from "./terminal.ts";
import { durationText, timeText } from "./time-option.ts";

const COLOURS: Readonly<Record<Status, Colour | undefined>> = {
  waiting: "dim",
  scheduled: "dim",
  queued: undefined,
  running: "cyan",
  retrying: "yellow",
  completed: "green",
  failed: "red",
  cancelled: "yellow",
};

/** @param status the status of a job, or the outcome of an attempt */
export function statusColour(status: string): Colour | undefined {
  return COLOURS[status as Status];
}

/** The exit code after waiting for a job. */
export function exitCodeOf({ status }: Pick<Job, "status">): number {
  return status === "failed" || status === "cancelled" ? ISSUES_FOUND : IN_ORDER;
}

export const JOB_COLUMNS: readonly Column<JobSummary>[] = [
  { title: "id", text: ({ id }) => id },
  { title: "type", text: ({ type }) => type },
  { title: "status", text: ({ status }) => status, colour: ({ status }) => statusColour(status) },
  { title: "attempt", text: ({ attempt, max_attempts }) => `${attempt}/${max_attempts}`, align: "right" },
  { title: "created", text: ({ created_at }) => timeText(created_at) },
  {
    title: "",
    text: ({ error, progress, run_at, status }) =>
      error
        ? error.code
        : status === "scheduled" && run_at !== null
          ? `starts ${timeText(run_at)}`
          : status === "running" && progress !== null
            ? `${progress} %`
            : "",
  },
];

/** `, node mail`: for a callback of a batch, the name of the callback. */
function nodeText({ node }: Pick<Job, "node">): string {
  return node === null ? "" : `, node ${printable(node)}`;
}

/** Formats all fields of a job, one per line. */
export function jobText(job: Job, terminal: Pick<Terminal, "paint">): string {
  const { priority, group_key, tags, progress, error, started_at, finished_at, result } = job;
  const ran =
    started_at !== null && finished_at !== null
      ? ` (ran ${durationText(Date.parse(finished_at) - Date.parse(started_at))})`
      : "";
  return fieldLines(
    [
      ["id", job.id],
      ["type", job.type],
      ["status", terminal.paint(job.status, statusColour(job.status))],
      ["error", error && `${error.code}: ${printable(error.message)}`],
      ["progress", progress === null ? null : `${progress} %`],
      ["attempt", `${job.attempt} of ${job.max_attempts}`],
      ["priority", String(priority)],
      ["group", group_key && printable(group_key)],
      ["tags", tags.length === 0 ? null : printable(tags.join(", "))],
      ["retry of", job.retry_of],
      ["schedule", job.schedule && `${job.schedule.name} at ${job.schedule.tick}`],
      ["flow", job.flow_id && job.flow_id + nodeText(job)],
      ["batch", job.batch_id && job.batch_id + nodeText(job)],
      ["worker", job.worker],
      ["starts at", job.run_at],
      ["expires at", job.expires_at],
      ["created", job.created_at],
      ["started", started_at],
      ["finished", finished_at && finished_at + ran],
      ["payload", printable(exactJson.stringify(job.payload))],
      ["result", result === null ? null : printable(exactJson.stringify(result))],
    ],
    terminal,
  );
}
