/** The attempts at a job, the newest first, with what they logged. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Attempt, LogLine } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { durationText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { clockText, exactTime, now, Time } from "../../parts/time.tsx";
import type { TimedLine } from "./log-line.ts";
import { timedLine, timeOf } from "./log-line.ts";

interface AttemptListProps {
  readonly attempts: readonly Attempt[];
  readonly lines: ReadonlyMap<string, readonly LogLine[]>;
}

/** Jobs that were postponed often have many attempts; older ones are folded. */
const SHOWN = 25;

export function AttemptList({ attempts, lines }: AttemptListProps): JSX.Element {
  const newest = [...attempts].reverse();
  const item = (attempt: Attempt, at: number): JSX.Element => (
    <AttemptItem key={attempts.length - at} attempt={attempt} lines={linesOf(attempt, lines)} />
  );
  return (
    <Panel title={`Attempts (${attempts.length})`}>
      {attempts.length === 0 ? <div class="empty">No attempt has started.</div> : null}
      <ol class="attempts">{newest.slice(0, SHOWN).map(item)}</ol>
      {newest.length > SHOWN ? (
        <details class="older-attempts">
          <summary>{newest.length - SHOWN} earlier attempts</summary>
          <ol class="attempts">{newest.slice(SHOWN).map((attempt, at) => item(attempt, at + SHOWN))}</ol>
        </details>
      ) : null}
    </Panel>
  );
}

/** The server has the lines of an attempt once it has ended; before, only events have them. */
function linesOf({ log, started_at: startedAt }: Attempt, lines: AttemptListProps["lines"]): readonly string[] {
  if (log.length > 0) return log;
  return (lines.get(startedAt) ?? []).map(({ at, line }) => `${at} ${line}`);
}

const OUTCOMES: Readonly<Record<Attempt["outcome"], readonly [text: string, status: string]>> = {
  running: ["running", "running"],
  completed: ["completed", "completed"],
  failed: ["failed", "failed"],
  cancelled: ["cancelled", "cancelled"],
  retry: ["failed, to be tried again", "failed"],
  lost: ["lost: its replica stopped", "failed"],
  released: ["postponed, not counted", "retrying"],
};

function AttemptItem({
  attempt,
  lines,
}: {
  readonly attempt: Attempt;
  readonly lines: readonly string[];
}): JSX.Element {
  const {
    number,
    outcome,
    error,
    replica,
    thread,
    waited_ms: waitedMs,
    ran_ms: ranMs,
    started_at: startedAt,
  } = attempt;
  const [text, status] = OUTCOMES[outcome];
  return (
    <li class="attempt">
      <div class="attempt-head">
        <h3>Attempt {number}</h3>
        <span class={`status status-${status}`}>{text}</span>
        <span class="muted attempt-time">
          <Time at={startedAt} />
        </span>
      </div>
      <dl class="attempt-facts">
        <Fact title="Waited">{durationText(waitedMs)}</Fact>
        <Fact title="Ran">{durationText(ranMs ?? Math.max(0, now.value - Date.parse(startedAt)))}</Fact>
        <Fact title="Replica">
          {replica === null ? "–" : <Link to={href(["replicas"], { row: replica })}>{replica}</Link>}
        </Fact>
        <Fact title="Thread">{thread ?? "–"}</Fact>
      </dl>
      {error === null ? null : (
        <p class="attempt-error">
          <code class="error-text">{error.code}</code> {error.message}
        </p>
      )}
      <LogView lines={lines} label={`The log of attempt ${number}`} isLive={outcome === "running"} />
    </li>
  );
}

function Fact({
  title,
  children,
}: {
  readonly title: string;
  readonly children: JSX.Element | string | number;
}): JSX.Element {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface LogProps {
  readonly lines: readonly string[];
  readonly label: string;
  readonly isLive: boolean;
}

/** Follows the last line, unless the user has scrolled up. */
function LogView({ lines, label, isLive }: LogProps): JSX.Element | null {
  const element = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const view = element.current;
    if (view && isLive && isAtEnd.current) view.scrollTop = view.scrollHeight;
  }, [lines.length]);
  if (lines.length === 0) return null;
  return (
    <div class="json log">
      <div class="json-tools">
        <CopyButton text={() => lines.join("\n")} label={`Copy ${label.toLowerCase()}`}>
          Copy
        </CopyButton>
      </div>
      <pre
        ref={element}
        tabIndex={0}
        role="region"
        aria-label={label}
        onScroll={({ currentTarget: view }) => {
          isAtEnd.current = view.scrollHeight - view.scrollTop - view.clientHeight < 24;
        }}
      >
        {lines.map((line, at) => (
          <LogRow key={at} {...timedLine(line)} isSameTime={timeOf(lines[at - 1]) === timeOf(line)} />
        ))}
      </pre>
    </div>
  );
}

/** The time is shown once for lines of one instant, such as those of a stack trace. */
function LogRow({ at, text, isSameTime }: TimedLine & { readonly isSameTime: boolean }): JSX.Element {
  return (
    <span class="log-line">
      {at === undefined ? null : (
        <span class="log-time" title={exactTime(at)}>
          {isSameTime ? "" : `${clockText(at)}.${String(at % 1_000).padStart(3, "0")}`}
        </span>
      )}
      <span class="log-text">{text}</span>
    </span>
  );
}
