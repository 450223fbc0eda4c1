/** The dialogs of actions on a job. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job, JobPatch } from "../../../client/taskflow.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { notify } from "../../parts/toasts.tsx";

export interface DialogProps {
  readonly job: Job;
  readonly onClose: () => void;
}

export async function change(job: Job, patch: JobPatch, done: string): Promise<void> {
  await client().update(job.id, patch);
  notify(done);
  refreshResources(`job ${job.id}`);
}

export function PriorityDialog({ job, onClose }: DialogProps): JSX.Element {
  const [priority, setPriority] = useState(job.priority);
  return (
    <ActionDialog
      title="Change the priority"
      action="Change"
      onClose={onClose}
      act={() => change(job, { priority }, `The priority is ${priority}.`)}
    >
      <label>
        Priority, higher first
        <select
          value={String(priority)}
          onChange={({ currentTarget }) => setPriority(Number(currentTarget.value))}
          autofocus
        >
          {Array.from({ length: 10 }, (_, at) => (
            <option key={at} value={String(9 - at)}>
              {9 - at}
              {at === 4 ? " (default)" : ""}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}

export function CancelDialog({ job, onClose }: DialogProps): JSX.Element {
  return (
    <ActionDialog
      title="Cancel 1 job?"
      action="Cancel the job"
      isDanger
      onClose={onClose}
      act={async () => {
        const { status } = await client().cancel(job.id);
        notify(status === "cancelled" ? "Cancelled." : "Its attempt was asked to stop.");
        refreshResources(`job ${job.id}`);
      }}
    >
      <p>
        {job.status === "running"
          ? "The running attempt is asked to stop. What it has done so far is not undone."
          : "It has not started, or waits to be tried again, and will not run."}
      </p>
    </ActionDialog>
  );
}

export function EraseDialog({ job, onClose }: DialogProps): JSX.Element {
  return (
    <ActionDialog
      title="Erase 1 job?"
      action="Erase for good"
      isDanger
      onClose={onClose}
      act={async () => {
        await client().erase(job.id);
        notify("Erased.");
        refreshResources(`job ${job.id}`);
      }}
    >
      <p>
        Its payload, result, error message, logs and files are removed for good. The job stays in the history, with its
        times and its status.
      </p>
    </ActionDialog>
  );
}
