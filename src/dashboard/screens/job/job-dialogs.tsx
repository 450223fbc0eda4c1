/** The dialogs of actions on a job. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job, JobPatch } from "../../../client/taskflow.ts";
import { href, navigate } from "../../app/router.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { Link } from "../../parts/link.tsx";
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

/** Runs it again as a new job, and opens that. @param alone as is needed for a job of a flow or batch */
export async function retry({ id }: Job, { alone = false }: { readonly alone?: boolean } = {}): Promise<void> {
  const { id: again } = await client().retry(id, { alone });
  notify("This job runs it again.");
  navigate(href(["jobs", again]));
}

export function RetryAloneDialog({ job, onClose }: DialogProps): JSX.Element {
  const { flow_id: flow, batch_id: batch } = job;
  const word = flow === null ? "batch" : "flow";
  return (
    <ActionDialog
      title="Retry only this job?"
      action="Retry only this job"
      scope="submit"
      onClose={onClose}
      act={() => retry(job, { alone: true })}
    >
      <p>
        The new job does not belong to the {word}, so nothing that waited for this one runs after it. To run the failed
        part of the {word} again, <Link to={href(["flows", flow ?? batch ?? ""])}>open the {word}</Link> and retry it.
      </p>
    </ActionDialog>
  );
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
