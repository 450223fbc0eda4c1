/** Which types take the time, and which ones fail. */
import type { ComponentChildren, JSX } from "preact";
import type { Series } from "../../../client/taskflow.ts";
import { href } from "../../app/router.ts";
import { countText, durationText } from "../../parts/format.ts";
import { Link } from "../../parts/link.tsx";
import { NumberCells, NumberHeads } from "../../parts/number-cells.tsx";
import { Panel } from "../../parts/page.tsx";
import type { ShownRange } from "../../parts/range.tsx";
import type { TypeTotals } from "./type-shares.ts";
import { byFailures, byTimeSpent, endedOf, percentText } from "./type-shares.ts";

interface TypeTablesProps {
  readonly range: ShownRange;
  readonly series: Series | undefined;
}

export function TypeTables({ range, series }: TypeTablesProps): JSX.Element {
  const types = series?.types;
  return (
    <div class="columns">
      <Panel title="Types by time spent" aside={range.text}>
        <Bars
          caption="Types by time spent"
          heads={["Time spent", "Jobs"]}
          rows={types && byTimeSpent(types)}
          empty="No job finished in this range."
          tone=""
          value={({ run_total_ms: ms }) => ms}
          cells={(type) => [durationText(type.run_total_ms), countText(endedOf(type))]}
          to={({ type }) => href(["jobs"], { q: `type:${type} ${range.finished}` })}
        />
      </Panel>
      <Panel title="Types by failures" aside={range.text}>
        <Bars
          caption="Types by failures"
          heads={["Failed", "Of its jobs"]}
          rows={types && byFailures(types)}
          empty="No job failed in this range."
          tone="failed"
          value={({ failed }) => failed}
          cells={(type) => [countText(type.failed), percentText(type.failed, endedOf(type))]}
          to={({ type }) => href(["jobs"], { q: `type:${type} status:failed ${range.finished}` })}
        />
      </Panel>
    </div>
  );
}

interface BarsProps {
  readonly caption: string;
  readonly heads: readonly [string, string];
  /** Undefined before the first answer. */
  readonly rows: readonly TypeTotals[] | undefined;
  readonly empty: string;
  readonly tone: "" | "failed";
  readonly value: (row: TypeTotals) => number;
  readonly cells: (row: TypeTotals) => readonly ComponentChildren[];
  readonly to: (row: TypeTotals) => string;
}

function Bars({ caption, heads, rows, empty, tone, value, cells, to }: BarsProps): JSX.Element {
  if (!rows || rows.length === 0) return <div class="bars empty">{rows ? empty : ""}</div>;
  const most = Math.max(1, ...rows.map(value));
  return (
    <div class="bars">
      <table>
        <caption class="off-screen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Type</th>
            <th scope="col" class="minor">
              <span class="off-screen">Share</span>
            </th>
            <NumberHeads heads={heads} />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.type}>
              <td>
                <Link to={to(row)} class="cut" title={row.type}>
                  {row.type}
                </Link>
              </td>
              <td class="bar minor">
                <span class={tone} style={{ width: `${(100 * value(row)) / most}%` }} />
              </td>
              <NumberCells heads={heads} cells={cells(row)} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
