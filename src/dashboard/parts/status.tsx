/** The status of a job, by a word, a shape and a colour. */
import type { JSX } from "preact";
import type { Status as JobStatus } from "../../client/taskflow.ts";

/** Paths in a box of 12 × 12. */
const SHAPES: Readonly<Record<JobStatus, JSX.Element>> = {
  waiting: <path d="M3.5 2.5h5M3.5 9.5h5M4.5 2.5L6 6l1.5-3.5M4.5 9.5L6 6l1.5 3.5" class="line" />,
  scheduled: <path d="M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM6 3.5V6l1.8 1.2" class="line" />,
  queued: <path d="M2.5 3.5h7M2.5 6h7M2.5 8.5h7" class="line" />,
  running: <path d="M4 2.5v7l5.5-3.5z" class="fill" />,
  retrying: <path d="M9.6 5A3.8 3.8 0 1 0 9.4 7.6M9.8 2.2V5H7" class="line" />,
  completed: <path d="M2.5 6.3l2.4 2.4 4.6-5" class="line" />,
  failed: <path d="M3 3l6 6M9 3l-6 6" class="line" />,
  cancelled: <path d="M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM3 9l6-6" class="line" />,
};

export const STATUSES = Object.keys(SHAPES) as JobStatus[];

export function isFinished(status: JobStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

export function StatusShape({ value }: { readonly value: JobStatus }): JSX.Element {
  return (
    <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {SHAPES[value]}
    </svg>
  );
}

/** @param progress 0 to 100, shown beside a running job */
export function Status({
  value,
  progress = null,
}: {
  readonly value: JobStatus;
  readonly progress?: number | null;
}): JSX.Element {
  return (
    <span class={`status status-${value}`}>
      <StatusShape value={value} />
      {value}
      {value === "running" && progress !== null ? ` ${progress} %` : ""}
    </span>
  );
}
