/** The dialogs that delete a schedule, or give it the definition of its file again. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { href, navigate } from "../../app/router.ts";
import { refreshResources } from "../../data/resource.ts";
import { client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { notify } from "../../parts/toasts.tsx";
import type { ScheduleDialogProps } from "./pause-dialogs.tsx";

export function DeleteDialog({ schedule: { name, version }, onClose }: ScheduleDialogProps): JSX.Element {
  const [cancelJobs, setCancelJobs] = useState(false);
  const remove = async (): Promise<void> => {
    const { cancelled_jobs: cancelled } = await client().deleteSchedule(name, { cancelJobs, ifMatch: version });
    notify(`The schedule ${name} is deleted${cancelJobs ? `, and ${countOf(cancelled, "job")} cancelled` : ""}.`);
    navigate(href(["schedules"]));
  };
  return (
    <ActionDialog
      title={`Delete ${name}?`}
      action="Delete schedule"
      isDanger
      scope="admin"
      onClose={onClose}
      act={remove}
    >
      <p>It submits no more jobs. The jobs of its ticks stay in the list of jobs. This cannot be undone.</p>
      <label class="check">
        <input
          type="checkbox"
          checked={cancelJobs}
          onChange={({ currentTarget }) => setCancelJobs(currentTarget.checked)}
        />
        Also cancel its jobs that wait
      </label>
    </ActionDialog>
  );
}

export function RevertDialog({ schedule: { name }, onClose }: ScheduleDialogProps): JSX.Element {
  const revert = async (): Promise<void> => {
    await client().revertSchedule(name);
    notify(`The schedule ${name} has the definition of its file again.`);
    refreshResources("schedule");
  };
  return (
    <ActionDialog title={`Revert ${name}?`} action="Revert schedule" scope="admin" onClose={onClose} act={revert}>
      <p>The changes that were made over the API are lost: the schedule gets the definition of its file.</p>
    </ActionDialog>
  );
}
