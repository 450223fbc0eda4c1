/** The actions on a schedule. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { shortcutsOf, useKeys } from "../../app/keys.ts";
import { href, setQuery } from "../../app/router.ts";
import { refreshResources } from "../../data/resource.ts";
import type { Scope } from "../../data/session.ts";
import { can, client } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { Link } from "../../parts/link.tsx";
import { notify, reportError } from "../../parts/toasts.tsx";
import { BackfillDialog } from "./backfill-dialog.tsx";
import { PauseDialog, ResumeDialog } from "./pause-dialogs.tsx";
import { DeleteDialog, RevertDialog } from "./schedule-dialogs.tsx";

async function run(name: string): Promise<void> {
  const { id } = await client().runSchedule(name);
  notify(
    <>
      The job of {name} is submitted. <Link to={href(["jobs", id])}>Open the job</Link>
    </>,
  );
  refreshResources("schedule");
}

export function RunButton({ name }: { readonly name: string }): JSX.Element {
  return (
    <Button
      kind="quiet"
      scope="submit"
      onPress={() => run(name)}
      label={`Run now: ${name}`}
      title="The next tick does not move."
    >
      Run now
    </Button>
  );
}

/** Pauses an active schedule, or resumes a paused one. */
export function PauseButton({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const { name, state } = schedule;
  const text = state === "paused" ? "Resume" : "Pause";
  const Asking = state === "paused" ? ResumeDialog : PauseDialog;
  return (
    <>
      <Button
        kind="quiet"
        scope="admin"
        unavailable={state === "ended" ? "Not available: the schedule has no more ticks." : undefined}
        onPress={() => setAsking(true)}
        label={`${text} ${name}`}
      >
        {text}
      </Button>
      {isAsking ? <Asking schedule={schedule} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

type Action = "run" | "pause" | "backfill" | "edit" | "revert" | "delete";

const DIALOGS = {
  pause: PauseDialog,
  resume: ResumeDialog,
  backfill: BackfillDialog,
  revert: RevertDialog,
  delete: DeleteDialog,
};

interface Shown {
  readonly action: Action;
  readonly text: string;
  readonly scope: Scope;
  readonly kind?: "plain" | "danger";
  readonly key?: string;
  readonly unavailable?: string | undefined;
}

function actionsOf({ state, overridden }: Schedule): readonly Shown[] {
  return [
    { action: "run", text: "Run now", scope: "submit", key: "r" },
    {
      action: "pause",
      text: state === "paused" ? "Resume…" : "Pause…",
      scope: "admin",
      key: "p",
      unavailable: state === "ended" ? "Not available: the schedule has no more ticks." : undefined,
    },
    { action: "backfill", text: "Backfill…", scope: "admin", key: "b" },
    { action: "edit", text: "Edit", scope: "admin", key: "e" },
    ...(overridden ? [{ action: "revert", text: "Revert…", scope: "admin" } as const] : []),
    { action: "delete", text: "Delete…", scope: "admin", kind: "danger" },
  ];
}

export function ScheduleActions({ schedule }: { readonly schedule: Schedule }): JSX.Element {
  const [open, setOpen] = useState<keyof typeof DIALOGS | undefined>(undefined);
  const actions = actionsOf(schedule);
  const act = (action: Action): void | Promise<void> => {
    if (action === "run") return run(schedule.name);
    if (action === "edit") setQuery({ view: "edit" }, { push: true });
    else setOpen(action === "pause" && schedule.state === "paused" ? "resume" : action);
    return undefined;
  };
  const byKey = ({ action, scope, unavailable }: Shown): void => {
    const reason = can(scope) ? unavailable : `Not available: this needs the scope ${scope}.`;
    if (reason !== undefined) notify(reason);
    else void Promise.resolve(act(action)).catch(reportError);
  };
  useKeys("Schedule", shortcutsOf(actions, byKey));
  const Open = open && DIALOGS[open];
  return (
    <>
      {actions.map(({ action, text, scope, kind = "plain", unavailable }) => (
        <Button key={action} kind={kind} scope={scope} unavailable={unavailable} onPress={() => act(action)}>
          {text}
        </Button>
      ))}
      {Open ? <Open schedule={schedule} onClose={() => setOpen(undefined)} /> : null}
    </>
  );
}
