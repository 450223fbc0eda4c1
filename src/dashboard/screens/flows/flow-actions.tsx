/** The actions on a flow or batch. All are always shown, so that none moves under the pointer when the status changes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Flow } from "../../../client/taskflow.ts";
import { shortcutsOf, useKeys } from "../../app/keys.ts";
import { refreshResources } from "../../data/resource.ts";
import type { Scope } from "../../data/session.ts";
import { can, client } from "../../data/session.ts";
import { ActionDialog } from "../../parts/action-dialog.tsx";
import { Button } from "../../parts/button.tsx";
import { countOf } from "../../parts/format.ts";
import { notify, reportError } from "../../parts/toasts.tsx";
import type { FlowAction } from "./flow-rights.ts";
import { unavailableFor } from "./flow-rights.ts";
import { RetryDialog, retry } from "./retry-dialog.tsx";

interface Shown {
  readonly action: FlowAction;
  readonly text: string;
  readonly scope: Scope;
  readonly key?: string;
}

const ACTIONS: readonly Shown[] = [
  { action: "retry", text: "Retry", scope: "submit", key: "r" },
  { action: "retry-from", text: "Retry from…", scope: "submit" },
  { action: "cancel", text: "Cancel…", scope: "submit", key: "c" },
];

export function FlowActions({ flow }: { readonly flow: Flow }): JSX.Element {
  const [open, setOpen] = useState<FlowAction | undefined>(undefined);
  const actions = ACTIONS.filter(({ action }) => action !== "retry-from" || flow.kind === "flow");
  const act = (action: FlowAction): void | Promise<void> => {
    if (action === "retry") return retry(flow);
    setOpen(action);
    return undefined;
  };
  const byKey = ({ action, scope }: Shown): void => {
    const reason = can(scope) ? unavailableFor(action, flow) : `This needs the scope ${scope}.`;
    if (reason === undefined) void Promise.resolve(act(action)).catch(reportError);
    else notify(`Not available: ${reason}`);
  };
  useKeys("Flow", shortcutsOf(actions, byKey));
  const close = (): void => setOpen(undefined);
  return (
    <>
      {actions.map(({ action, text, scope }) => (
        <Button key={action} scope={scope} unavailable={unavailableFor(action, flow)} onPress={() => act(action)}>
          {text}
        </Button>
      ))}
      {open === "retry-from" ? <RetryDialog flow={flow} names={[]} onClose={close} /> : null}
      {open === "cancel" ? <CancelDialog flow={flow} onClose={close} /> : null}
    </>
  );
}

function CancelDialog({ flow, onClose }: { readonly flow: Flow; readonly onClose: () => void }): JSX.Element {
  const { id, kind, totals } = flow;
  const unfinished = totals.unfinished + totals.waiting;
  const cancel = async (): Promise<void> => {
    await (kind === "batch" ? client().batches : client().flows).cancel(id);
    notify("It is being cancelled.");
    refreshResources(`flow ${id}`);
  };
  return (
    <ActionDialog
      title={`Cancel ${countOf(unfinished, "job")}?`}
      action={`Cancel ${countOf(unfinished, "job")}`}
      scope="submit"
      isDanger
      onClose={onClose}
      act={cancel}
    >
      <p>
        Jobs that have not started will not run. Running jobs are asked to stop; what they have done so far is not
        undone.{" "}
        {kind === "batch"
          ? "The callback on_complete runs as usual; on_success does not."
          : "This includes clean-up nodes, which would run however the others end."}
      </p>
    </ActionDialog>
  );
}
