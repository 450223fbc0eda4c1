/** The actions on the selected jobs, or on everything that matches the filter. The bar covers nothing but margin. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { readFilterText } from "../../../client/filter-text.ts";
import type { Job, TaskFlow } from "../../../client/taskflow.ts";
import { refreshResources } from "../../data/resource.ts";
import type { Scope } from "../../data/session.ts";
import { client } from "../../data/session.ts";
import { BulkDialog, isBetween, NumberField } from "../../parts/bulk-dialog.tsx";
import type { BulkActionName } from "../../parts/bulk-filters.ts";
import { BULK_WORDS } from "../../parts/bulk-filters.ts";
import { Button } from "../../parts/button.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { notify, reportError } from "../../parts/toasts.tsx";
import { urlOfJob } from "./columns.tsx";
import { actOnEach } from "./each-job.ts";
import { exportFilters, exportMatching, exportRows } from "./export-jobs.ts";
import type { ListedJob } from "./found-jobs.ts";
import { FOUND } from "./found-jobs.ts";

export type Selected =
  | { readonly kind: "jobs"; readonly ids: ReadonlySet<string> }
  /** Everything that matches the filter. */
  | { readonly kind: "all" };

interface SelectionBarProps {
  /** The filter text. */
  readonly text: string;
  readonly selected: Selected;
  readonly onChange: (selected: Selected) => void;
  readonly jobs: readonly ListedJob[];
}

const ACTIONS: readonly { readonly action: BulkActionName; readonly text: string }[] = [
  { action: "retry", text: "Retry" },
  { action: "cancel", text: "Cancel" },
  { action: "run", text: "Run now" },
  { action: "priority", text: "Priority" },
  { action: "erase", text: "Erase" },
];

export const NOTHING_SELECTED: Selected = { kind: "jobs", ids: new Set() };

export function SelectionBar({ text, selected, onChange, jobs }: SelectionBarProps): JSX.Element {
  const [open, setOpen] = useState<BulkActionName | undefined>(undefined);
  const isAll = selected.kind === "all";
  const ids = isAll ? [] : [...selected.ids];
  const chosen = jobs.filter(({ id }) => ids.includes(id));
  return (
    <div class="selection-bar" role="group" aria-label="Actions for the selected jobs">
      <span class="selection-count" role="status">
        {isAll ? "Everything that matches" : `${countOf(ids.length, "job")} selected`}
      </span>
      {ACTIONS.map(({ action, text: name }) => (
        <Button
          key={action}
          kind={action === "erase" ? "danger" : "plain"}
          scope={isAll ? scopeOfAll(action) : scopeOfOne(action)}
          unavailable={isAll ? undefined : problemOf(action, ids, chosen)}
          onPress={() => setOpen(action)}
        >
          {name}
        </Button>
      ))}
      <Button
        scope="submit"
        unavailable={isAll ? exportProblem(text) : undefined}
        onPress={() => exported(isAll ? exportMatching(exportFilters(filtersOf(text)) ?? {}) : exportRows(chosen))}
      >
        Export as CSV
      </Button>
      {isAll ? null : <Button onPress={() => onChange({ kind: "all" })}>Everything that matches</Button>}
      <Button kind="quiet" onPress={() => onChange(NOTHING_SELECTED)}>
        Clear
      </Button>
      {open === undefined ? null : isAll ? (
        <BulkDialog action={open} filters={filtersOf(text)} onClose={() => setOpen(undefined)} />
      ) : (
        <SelectedDialog action={open} ids={ids} onClose={() => setOpen(undefined)} />
      )}
    </div>
  );
}

function scopeOfAll(action: BulkActionName): Scope {
  return action === "retry" ? "submit" : "admin";
}

function scopeOfOne(action: BulkActionName): Scope {
  return action === "erase" ? "admin" : "submit";
}

/** The filters of a text without issues. */
function filtersOf(text: string): Parameters<typeof BulkDialog>[0]["filters"] {
  const read = readFilterText(text, Date.now());
  return "issues" in read ? {} : read.filters;
}

/** Retries of one job are possible after a failure only; a completed job is run again by a filter. */
const ONE_JOB: Readonly<Record<BulkActionName, readonly string[]>> = {
  ...Object.fromEntries(Object.entries(BULK_WORDS).map(([action, { statuses }]) => [action, statuses])),
  retry: ["failed", "cancelled"],
} as unknown as Record<BulkActionName, readonly string[]>;

function problemOf(action: BulkActionName, ids: readonly string[], chosen: readonly ListedJob[]): string | undefined {
  const statuses = ONE_JOB[action];
  if (chosen.length < ids.length || chosen.some(({ status }) => statuses.includes(status))) return undefined;
  return `Not available: this is possible only for jobs that are ${statuses.join(", ")}.`;
}

function exportProblem(text: string): string | undefined {
  if (exportFilters(filtersOf(text))) return undefined;
  return "Not available: everything that matches can be exported once it has finished.";
}

async function exported(submitted: Promise<Job>): Promise<void> {
  const job = await submitted;
  notify(
    <>
      The export runs. <Link to={urlOfJob(job)}>Open its job</Link>
    </>,
  );
}

interface SelectedDialogProps {
  readonly action: BulkActionName;
  readonly ids: readonly string[];
  readonly onClose: () => void;
}

/** Asks, with the number of jobs, before it acts on each of them. */
function SelectedDialog({ action, ids, onClose }: SelectedDialogProps): JSX.Element {
  const { verb, explanation } = BULK_WORDS[action];
  const [priority, setPriority] = useState("5");
  const act = async (): Promise<void> => {
    const { done, skipped, failed, errors } = await actOnEach(ids, (id) => actOn(client(), action, id, priority));
    onClose();
    refreshResources(FOUND);
    refreshResources("stats");
    const rest = [
      skipped > 0 ? `${skipped} skipped, not possible in their status` : "",
      failed > 0 ? `${failed} failed` : "",
    ];
    notify(
      [`${countOf(done, "job")} ${BULK_WORDS[action].done}`, ...rest].filter((part) => part !== "").join(", ") + ".",
    );
    for (const error of errors) reportError(error);
  };
  const isDanger = action === "cancel" || action === "erase";
  return (
    <Dialog title={`${verb} ${countOf(ids.length, "job")}?`} onClose={onClose}>
      <p>
        {action === "retry" ? "Each failed or cancelled job is run again as a new job that refers to it." : explanation}
      </p>
      {action === "priority" ? (
        <NumberField label="Priority, 0 to 9" value={priority} range={[0, 9]} onChange={setPriority} />
      ) : null}
      <div class="actions">
        <Button onPress={onClose}>Keep them as they are</Button>
        <Button
          kind={isDanger ? "danger" : "primary"}
          scope={scopeOfOne(action)}
          unavailable={isBetween(priority, 0, 9) ? undefined : "The priority must be a whole number from 0 to 9."}
          onPress={act}
        >
          {verb} {countOf(ids.length, "job")}
        </Button>
      </div>
    </Dialog>
  );
}

function actOn(api: TaskFlow, action: BulkActionName, id: string, priority: string): Promise<unknown> {
  switch (action) {
    case "retry":
      return api.retry(id);
    case "cancel":
      return api.cancel(id);
    case "run":
      return api.run(id);
    case "priority":
      return api.update(id, { priority: Number(priority) });
    case "erase":
      return api.erase(id);
  }
}
