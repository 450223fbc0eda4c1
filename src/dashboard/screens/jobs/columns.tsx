/** The columns of the table of jobs. */
import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { copyText } from "../../parts/copy.tsx";
import { Elapsed } from "../../parts/elapsed.tsx";
import { Link } from "../../parts/link.tsx";
import { isFinished, Status } from "../../parts/status.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { notify, reportError } from "../../parts/toasts.tsx";
import type { ColumnChoice, ColumnName } from "./column-choice.ts";
import { COLUMN_NAMES, PAYLOAD, payloadText } from "./column-choice.ts";
import type { ListedJob } from "./found-jobs.ts";

export function urlOfJob({ id }: { readonly id: string }): string {
  return href(["jobs", id]);
}

export function columnsOf({ names, paths }: ColumnChoice): Column<ListedJob>[] {
  return [
    ...names.map((name) => ({ key: name, title: COLUMN_NAMES[name], ...COLUMNS[name] })),
    ...paths.map((path) => ({
      key: PAYLOAD + path,
      title: <span title={PAYLOAD + path}>{path}</span>,
      cell: (job: ListedJob) => <Text value={payloadText(job.payload, path)} />,
    })),
  ];
}

const SELECT_WIDTH = "36px";
const WIDTHS: Readonly<Partial<Record<string, string>>> = {
  id: "108px",
  type: "minmax(84px, 1.2fr)",
  status: "128px",
  group: "minmax(76px, 1.1fr)",
  tags: "minmax(84px, 1.8fr)",
  attempt: "68px",
  age: "84px",
  wait: "84px",
  run: "84px",
  replica: "minmax(88px, 1fr)",
  error: "minmax(84px, 1.2fr)",
};
const WIDTH = "minmax(76px, 1fr)";
/** Hidden on narrow screens; see `.minor`. */
const isWide = ({ isMinor = false }: { readonly isMinor?: boolean }): boolean => !isMinor;

/** The tracks of the grid of a row: `all` of them, and those of narrow screens. */
export function tracksOf(columns: readonly Column<ListedJob>[]): { readonly all: string; readonly narrow: string } {
  const tracks = (shown: readonly Column<ListedJob>[]): string =>
    [SELECT_WIDTH, ...shown.map(({ key }) => WIDTHS[key] ?? WIDTH)].join(" ");
  return { all: tracks(columns), narrow: tracks(columns.filter(isWide)) };
}

const COLUMNS: Readonly<Record<ColumnName, Pick<Column<ListedJob>, "cell" | "align" | "isMinor">>> = {
  id: { cell: ({ id }) => <Id id={id} /> },
  type: { cell: ({ type }) => <Text value={type} /> },
  status: { cell: ({ status, progress }) => <Status value={status} progress={progress} /> },
  group: { isMinor: true, cell: ({ group_key: group }) => <Text value={group ?? undefined} /> },
  tags: { isMinor: true, cell: ({ tags }) => <Text value={tags.length === 0 ? undefined : tags.join(", ")} /> },
  attempt: { isMinor: true, align: "end", cell: ({ attempt, max_attempts: most }) => `${attempt}/${most}` },
  age: { align: "end", cell: ({ created_at: at }) => <Time at={at} /> },
  wait: { isMinor: true, align: "end", cell: (job) => <Elapsed {...waitOf(job)} /> },
  run: { isMinor: true, align: "end", cell: (job) => <Elapsed {...runOf(job)} /> },
  replica: { isMinor: true, cell: ({ worker }) => <Text value={worker ?? undefined} /> },
  error: {
    cell: ({ error }) =>
      error === null ? <Text value={undefined} /> : <code title={`${error.code}: ${error.message}`}>{error.code}</code>,
  },
};

interface Span {
  readonly from: number | null;
  readonly to: number | null;
}

const NONE: Span = { from: null, to: null };

/** From the time at which it could start, to its start. */
function waitOf({ status, created_at, run_at, started_at, finished_at }: ListedJob): Span {
  if (status === "waiting" || status === "scheduled" || status === "retrying") return NONE;
  const from = Math.max(Date.parse(created_at), run_at === null ? 0 : Date.parse(run_at));
  if (status === "queued") return { from, to: null };
  const end = started_at ?? finished_at; // a job that ended without a start waited until its end
  return end === null ? NONE : { from, to: Date.parse(end) };
}

/** The latest attempt. */
function runOf({ status, started_at, finished_at }: ListedJob): Span {
  if (started_at === null) return NONE;
  const from = Date.parse(started_at);
  if (status === "running") return { from, to: null };
  return isFinished(status) && finished_at !== null ? { from, to: Date.parse(finished_at) } : NONE;
}

/** A text of one line, with all of it in the tooltip. */
function Text({ value }: { readonly value: string | undefined }): JSX.Element {
  return value === undefined ? <span class="muted">–</span> : <span title={value}>{value}</span>;
}

/** The end of the id, which differs from job to job; its beginning is the time. */
function Id({ id }: { readonly id: string }): JSX.Element {
  const copy = (): void => {
    copyText(id).then(() => notify("Copied the id."), reportError);
  };
  return (
    <span class="job-id">
      <Link to={urlOfJob({ id })} class="mono" title={id}>
        {id.slice(-8)}
      </Link>
      <button type="button" class="copy-id" aria-label={`Copy the id ${id}`} title="Copy the id" onClick={copy}>
        <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
          <path d="M4 4h6v6H4zM2 8V2h6" />
        </svg>
      </button>
    </span>
  );
}
