/** The actions on a job. All are always shown, so that none moves under the pointer when the status changes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job } from "../../../client/taskflow.ts";
import { shortcutsOf, useKeys } from "../../app/keys.ts";
import { setQuery } from "../../app/router.ts";
import { refreshResources } from "../../data/resource.ts";
import type { Scope } from "../../data/session.ts";
import { can, client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { notify, reportError } from "../../parts/toasts.tsx";
import { CancelDialog, EraseDialog, PriorityDialog, RetryAloneDialog, retry } from "./job-dialogs.tsx";
import type { Action } from "./job-text.ts";
import { unavailableFor } from "./job-text.ts";
import { RescheduleDialog } from "./reschedule-dialog.tsx";

interface Shown {
  readonly action: Action;
  readonly text: string;
  readonly scope: Scope;
  readonly kind?: "plain" | "danger";
  readonly key?: string;
}

const ACTIONS: readonly Shown[] = [
  { action: "retry", text: "Retry", scope: "submit", key: "r" },
  { action: "edit", text: "Edit and retry", scope: "submit", key: "e" },
  { action: "run", text: "Run now", scope: "submit" },
  { action: "reschedule", text: "Reschedule…", scope: "submit" },
  { action: "priority", text: "Priority…", scope: "submit" },
  { action: "cancel", text: "Cancel…", scope: "submit", key: "c" },
  { action: "erase", text: "Erase…", scope: "admin", kind: "danger" },
];

const DIALOGS = {
  alone: RetryAloneDialog,
  reschedule: RescheduleDialog,
  priority: PriorityDialog,
  cancel: CancelDialog,
  erase: EraseDialog,
};

export function JobActions({ job }: { readonly job: Job }): JSX.Element {
  const [open, setOpen] = useState<keyof typeof DIALOGS | undefined>(undefined);
  const act = (action: Action): void | Promise<void> => {
    if (action === "retry" && (job.flow_id ?? job.batch_id) !== null) setOpen("alone");
    else if (action === "retry") return retry(job);
    else if (action === "run") return run(job);
    else if (action === "edit") setQuery({ view: "edit" }, { push: true });
    else setOpen(action);
    return undefined;
  };
  const byKey = ({ action, scope }: Shown): void => {
    const reason = can(scope) ? unavailableFor(action, job) : `This needs the scope ${scope}.`;
    if (reason === undefined) void Promise.resolve(act(action)).catch(reportError);
    else notify(`Not available: ${reason}`);
  };
  useKeys("Job", shortcutsOf(ACTIONS, byKey));
  const Open = open && DIALOGS[open];
  return (
    <>
      {ACTIONS.map(({ action, text, scope, kind = "plain" }) => (
        <Button
          key={action}
          kind={kind}
          scope={scope}
          unavailable={unavailableFor(action, job)}
          onPress={() => act(action)}
        >
          {text}
        </Button>
      ))}
      {Open ? <Open job={job} onClose={() => setOpen(undefined)} /> : null}
    </>
  );
}

async function run(job: Job): Promise<void> {
  await client().run(job.id);
  notify("It is due now.");
  refreshResources(`job ${job.id}`);
}
