/** The jobs that wait in a queue: by priority, by group, and the next due ones. */
import type { JSX } from "preact";
import type { QueueDetail } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { filterWord } from "../../parts/filter-words.ts";
import { countText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { Panel } from "../../parts/page.tsx";
import { Status } from "../../parts/status.tsx";
import { Time } from "../../parts/time.tsx";

interface PanelProps {
  readonly queue: QueueDetail;
}

interface Share {
  readonly key: string;
  readonly name: JSX.Element;
  readonly count: number;
  /** About so many. */
  readonly isEstimate?: boolean;
}

export function PriorityPanel({ queue: { by_priority: counts } }: PanelProps): JSX.Element {
  const shares = Object.entries(counts)
    .sort(([a], [b]) => Number(b) - Number(a))
    .map(([priority, count]) => ({ key: priority, name: <>{priority}</>, count }));
  return (
    <Panel title="Waiting by priority" aside="Higher first">
      <Shares head="Priority" shares={shares} />
    </Panel>
  );
}

export function GroupPanel({ queue: { type, groups, depth, is_partial: isPartial } }: PanelProps): JSX.Element {
  const shares = groups.map(({ group_key: group, waiting }) => ({
    key: group ?? "",
    name:
      group === null ? (
        <span class="muted">without a group</span>
      ) : (
        <Link to={href(["jobs"], { q: groupFilter(type, group) })} class="cut" title={group}>
          {group}
        </Link>
      ),
    count: waiting,
    isEstimate: isPartial && depth > 0,
  }));
  return (
    <Panel title="Groups with the most waiting jobs" aside={isPartial && depth > 0 ? "Estimates" : null}>
      <Shares head="Group" shares={shares} />
    </Panel>
  );
}

function groupFilter(type: string, group: string): string {
  return `${filterWord("type", [type])} ${filterWord("group", [group])} status:queued`;
}

interface SharesProps {
  readonly head: string;
  readonly shares: readonly Share[];
}

function Shares({ head, shares }: SharesProps): JSX.Element {
  if (shares.length === 0) return <div class="empty">No job waits.</div>;
  const most = Math.max(...shares.map(({ count }) => count));
  return (
    <div class="shares" tabIndex={0} role="region" aria-label={`Waiting jobs by ${head.toLowerCase()}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col">
              <span class="off-screen">Share</span>
            </th>
            <th scope="col" class="number">
              Waiting
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map(({ key, name, count, isEstimate = false }) => (
            <tr key={key}>
              <td>{name}</td>
              <td class="bar">
                <span style={{ width: `${(100 * count) / most}%` }} />
              </td>
              <td class="number">
                {isEstimate ? "about " : ""}
                {countText(count)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function NextDuePanel({ queue: { next_due: due, is_partial: isPartial } }: PanelProps): JSX.Element {
  return (
    <Panel title="Next due" aside={isPartial ? "May lack jobs" : null}>
      {due.length === 0 ? (
        <div class="empty">No job is scheduled or waits for a retry.</div>
      ) : (
        <div class="shares" tabIndex={0} role="region" aria-label="The next due jobs">
          <table>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">Status</th>
                <th scope="col" class="number">
                  Due
                </th>
              </tr>
            </thead>
            <tbody>
              {due.map(({ id, run_at: at, status }) => (
                <tr key={id}>
                  <td>
                    <Link to={href(["jobs", id])} class="mono cut" title={id}>
                      {id}
                    </Link>
                  </td>
                  <td>
                    <Status value={status} />
                  </td>
                  <td class="number">
                    <Time at={at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
