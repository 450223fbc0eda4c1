/** The columns of the table of errors. */
import type { JSX } from "preact";
import { href } from "../../app/router.ts";
import { Button } from "../../parts/button.tsx";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Sparkline } from "../../parts/sparkline.tsx";
import type { Column } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import type { ErrorGroup } from "./group-filter.ts";
import { isOther } from "./group-filter.ts";

interface ColumnsOptions {
  /** RFC 3339; null if it is not known. */
  readonly versionSince: string | null;
  /** The filter text that finds the jobs of a group. */
  readonly textOf: (group: ErrorGroup) => string;
  readonly onRerun: (group: ErrorGroup) => void;
}

export const NOT_ONE_CAUSE = "These failures have many different causes: the server does not count them apart.";

export function columnsOf({ versionSince, textOf, onRerun }: ColumnsOptions): readonly Column<ErrorGroup>[] {
  return [
    { key: "error", title: "Error", cell: (group) => <Cause group={group} isNew={isNewIn(group, versionSince)} /> },
    {
      key: "hours",
      title: "Last 24 hours",
      cell: ({ hourly }) => <Sparkline values={hourly} label={hourlyText(hourly)} tone="failed" />,
      isMinor: true,
    },
    {
      key: "count",
      title: "Failures",
      align: "end",
      cell: (group) => (
        <Link to={href(["jobs"], { q: textOf(group) })} title="Open the jobs">
          {countText(group.count)}
        </Link>
      ),
    },
    { key: "first", title: "First seen", cell: ({ first_seen: at }) => <Time at={at} />, align: "end", isMinor: true },
    { key: "last", title: "Last seen", cell: ({ last_seen: at }) => <Time at={at} />, align: "end", isMinor: true },
    {
      key: "rerun",
      title: <span class="off-screen">Action</span>,
      cell: (group) => (
        <Button
          scope="submit"
          label={`Re-run the jobs of ${nameOf(group)}`}
          unavailable={isOther(group) ? NOT_ONE_CAUSE : undefined}
          onPress={() => onRerun(group)}
        >
          Re-run
        </Button>
      ),
      align: "end",
      isMinor: true,
    },
  ];
}

/** Names a group for screen readers. */
export function nameOf({ type, code, signature }: ErrorGroup): string {
  return `${type}, ${code}: ${signature}`;
}

function isNewIn({ first_seen: first }: ErrorGroup, versionSince: string | null): boolean {
  return versionSince !== null && Date.parse(first) >= Date.parse(versionSince);
}

function hourlyText(hourly: readonly number[]): string {
  const total = hourly.reduce((sum, count) => sum + count, 0);
  return `${countText(total)} in the last 24 hours, at most ${countText(Math.max(0, ...hourly))} in an hour`;
}

function Cause({ group, isNew }: { readonly group: ErrorGroup; readonly isNew: boolean }): JSX.Element {
  const { type, code, signature } = group;
  return (
    <div class="cause">
      <span class="signature" title={signature}>
        {isOther(group) ? "Other errors" : <Signature text={signature} />}
      </span>
      <span class="cause-of">
        <span class="cause-type">{type}</span>
        <code title={code}>{code}</code>
        {isNew ? (
          <span class="new-badge" title="First seen since the replicas run their version">
            New in this version
          </span>
        ) : null}
      </span>
    </div>
  );
}

const PLACEHOLDER = /(<(?:text|path|email|id|n)>)/;

/** The parts that differ between jobs are muted. */
export function Signature({ text }: { readonly text: string }): JSX.Element {
  if (text === "") return <span class="muted">(no message)</span>;
  return (
    <>
      {text.split(PLACEHOLDER).map((part, at) =>
        at % 2 === 1 ? (
          <span key={at} class="muted">
            {part}
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}
