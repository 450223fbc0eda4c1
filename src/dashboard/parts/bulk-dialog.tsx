/** Starts an operation on all jobs that match filters: counted first, run on the server, followed to its end. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { randomKey } from "../../client/call-options.ts";
import type { BulkAnswer, BulkOptions, Job, JobSet, ListFilters, TaskFlow } from "../../client/taskflow.ts";
import { href } from "../app/router.ts";
import { useLiveJobs } from "../data/live.ts";
import { refreshResources, useResource } from "../data/resource.ts";
import { client } from "../data/session.ts";
import type { BulkActionName } from "./bulk-filters.ts";
import { BULK_WORDS, bulkFilters } from "./bulk-filters.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { countOf, countText } from "./format.ts";
import { Link } from "./link.tsx";
import { isFinished, Status } from "./status.tsx";
import { ErrorText } from "./toasts.tsx";

interface BulkDialogProps {
  readonly action: BulkActionName;
  /** The dialog acts on those of the matching jobs on which the action is possible. */
  readonly filters: ListFilters;
  /** What else the user should know before they start it. */
  readonly note?: string | undefined;
  readonly onClose: () => void;
  /** Called with the job that performs the operation. */
  readonly onStarted?: (job: Job) => void;
}

const RETRY_RATE = "100";
const DEFAULT_PRIORITY = "5";

export function BulkDialog({ action, filters: given, note, onClose, onStarted }: BulkDialogProps): JSX.Element {
  const filters = useMemo(() => bulkFilters(action, given), []); // as they were when the user asked
  const [job, setJob] = useState<Job | undefined>(undefined);
  if (filters === undefined) return <NothingToDo action={action} onClose={onClose} />;
  if (job) return <Followed action={action} job={job} onClose={onClose} />;
  const started = (made: Job): void => {
    setJob(made);
    onStarted?.(made);
  };
  return <Confirmation action={action} filters={filters} note={note} onClose={onClose} onStarted={started} />;
}

function NothingToDo({ action, onClose }: Pick<BulkDialogProps, "action" | "onClose">): JSX.Element {
  const { statuses, verb } = BULK_WORDS[action];
  return (
    <Dialog title={`${verb} jobs`} onClose={onClose}>
      <p>This is possible only for jobs that are {statuses.join(", ")}. The filter has none of these statuses.</p>
      <div class="actions">
        <Button onPress={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

interface ConfirmationProps {
  readonly action: BulkActionName;
  readonly filters: ListFilters;
  readonly note: string | undefined;
  readonly onClose: () => void;
  readonly onStarted: (job: Job) => void;
}

function Confirmation({ action, filters, note, onClose, onStarted }: ConfirmationProps): JSX.Element {
  const { verb, explanation } = BULK_WORDS[action];
  const [rate, setRate] = useState(action === "retry" ? RETRY_RATE : "");
  const [priority, setPriority] = useState(DEFAULT_PRIORITY);
  // one key for one operation: pressing again after a lost answer does not start a second job
  const idempotencyKey = useMemo(randomKey, [rate, priority]);
  const set = { set: { priority: Number(priority) } };
  const counting = useMemo(() => randomKey(), []);
  const { data, error } = useResource(`count ${counting}`, (api, signal) =>
    OPERATIONS[action](api, filters, { ...set, dryRun: true, signal }),
  );
  const matched = data?.matched;
  const start = async (): Promise<void> => {
    const options = { ...set, idempotencyKey, rate: rate === "" ? undefined : Number(rate) };
    onStarted(await OPERATIONS[action](client(), filters, options));
  };
  const isDanger = action === "cancel" || action === "erase";
  return (
    <Dialog title={titleOf(verb, matched, error)} onClose={onClose}>
      <p class="bulk-explanation">{matched === 0 ? "No job matches." : explanation}</p>
      {note === undefined ? null : <p class="bulk-note">{note}</p>}
      {error ? (
        <p class="error-text" role="alert">
          <ErrorText error={error} />
        </p>
      ) : null}
      {action === "priority" ? (
        <NumberField label="Priority, 0 to 9" value={priority} range={[0, 9]} onChange={setPriority} />
      ) : null}
      <NumberField
        label={action === "retry" ? "Jobs per second" : "Jobs per second (empty: no limit)"}
        value={rate}
        range={[1, 10_000]}
        onChange={setRate}
      />
      <div class="actions">
        <Button onPress={onClose}>Keep them as they are</Button>
        <Button
          kind={isDanger ? "danger" : "primary"}
          scope={action === "retry" ? "submit" : "admin"}
          onPress={start}
          unavailable={problemOf(matched, { rate, priority, isRateNeeded: action === "retry" })}
        >
          {verb} {matched === undefined ? "jobs" : countOf(matched, "job")}
        </Button>
      </div>
    </Dialog>
  );
}

function titleOf(verb: string, matched: number | undefined, error: Error | undefined): string {
  if (matched === undefined) return error ? "The jobs could not be counted" : "Counting the jobs…";
  return `${verb} ${countOf(matched, "job")}?`;
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: string;
  readonly range: readonly [least: number, most: number];
  readonly onChange: (value: string) => void;
}

export function NumberField({ label, value, range: [min, max], onChange }: NumberFieldProps): JSX.Element {
  return (
    <label>
      {label}
      <input
        class="field"
        type="number"
        min={min}
        max={max}
        step={1}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}

/** Why the operation cannot start; undefined if it can. */
function problemOf(
  matched: number | undefined,
  {
    rate,
    priority,
    isRateNeeded,
  }: { readonly rate: string; readonly priority: string; readonly isRateNeeded: boolean },
): string | undefined {
  if (matched === undefined) return "The jobs are not counted yet.";
  if (matched === 0) return "No job matches.";
  if (!isBetween(priority, 0, 9)) return "The priority must be a whole number from 0 to 9.";
  if (rate === "" && !isRateNeeded) return undefined;
  return isBetween(rate, 1, 10_000) ? undefined : "The rate must be a whole number from 1 to 10,000.";
}

/** Whether the text is a whole number of this range. */
export function isBetween(text: string, least: number, most: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
}

type Operate = <Given extends BulkOptions & { readonly set: JobSet }>(
  api: TaskFlow,
  filters: ListFilters,
  options: Given,
) => Promise<BulkAnswer<Given>>;

/** Only an update reads `set`. */
const OPERATIONS: Readonly<Record<BulkActionName, Operate>> = {
  retry: (api, filters, options) => api.replay(filters, options),
  cancel: (api, filters, options) => api.cancelAll(filters, options),
  run: (api, filters, options) => api.runAll(filters, options),
  priority: (api, filters, options) => api.updateAll(filters, options),
  erase: (api, filters, options) => api.eraseAll(filters, options),
};

interface FollowedProps {
  readonly action: BulkActionName;
  readonly job: Job;
  readonly onClose: () => void;
}

const FOLLOW_MS = 2_000;

/** The job that performs the operation, until it ends. */
function Followed({ action, job: accepted, onClose }: FollowedProps): JSX.Element {
  const [isOver, setOver] = useState(false);
  const read = async (api: TaskFlow, signal: AbortSignal): Promise<Job> => {
    const now = await api.get(accepted.id, { signal });
    setOver(isFinished(now.status));
    return now;
  };
  const { data: job = accepted, refresh } = useResource(`operation ${accepted.id}`, read, {
    everyMs: isOver ? 0 : FOLLOW_MS,
  });
  useLiveJobs(isOver ? [] : [accepted.id], { onChange: refresh, onGap: refresh });
  const { verb, done } = BULK_WORDS[action];
  const result = countsOf(job.result);
  const close = (): void => {
    onClose();
    refreshResources();
  };
  return (
    <Dialog title={`${verb} jobs`} onClose={close}>
      <div class="bulk-progress" role="status">
        <Status value={job.status} progress={job.progress} />
        <progress max={100} value={isOver ? 100 : (job.progress ?? 0)} aria-label="Progress" />
        <p>
          {result
            ? `${countText(result.done)} of ${countOf(result.matched, "job")} ${done}, ${countText(result.skipped)} skipped.`
            : (job.error?.message ?? "The operation runs on the server. It continues if you close this.")}
        </p>
      </div>
      <div class="actions">
        <Link to={href(["jobs", accepted.id])} class="button">
          Open the job
        </Link>
        <Button kind="primary" onPress={close}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}

interface Counts {
  readonly matched: number;
  readonly done: number;
  readonly skipped: number;
}

function countsOf(result: unknown): Counts | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { matched, done = 0, skipped = 0 } = result as Partial<Counts>;
  return matched === undefined ? undefined : { matched, done, skipped };
}
