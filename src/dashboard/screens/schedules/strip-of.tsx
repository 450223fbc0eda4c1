/** The strip of one schedule. A schedule that ticks more often than every few minutes has it for its latest runs. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { firstOf } from "../../data/first-of.ts";
import { useResource } from "../../data/resource.ts";
import { now } from "../../parts/time.tsx";
import { Strip } from "./strip.tsx";
import { CELL_MS, stripCells } from "./strip-cells.ts";

const RUNS = 200;
const READ_EVERY_MS = 60_000;

export function StripOf({ schedule: { name, last_run: last } }: { readonly schedule: Schedule }): JSX.Element {
  const { data } = useResource(
    `schedule-strip ${name}`,
    (api, signal) => firstOf(api.scheduleRunPages(name, { pageSize: RUNS, signal })),
    { everyMs: READ_EVERY_MS },
  );
  const half = Math.floor(now.value / CELL_MS);
  const cells = useMemo(() => {
    const runs = data?.runs ?? [];
    // the schedule is read more often than its runs
    const isNewer = last !== null && runs.every(({ tick }) => Date.parse(tick) < Date.parse(last.tick));
    return stripCells(isNewer ? [{ ...last, ticks: 1 }, ...runs] : runs, now.peek());
  }, [data, half, last?.tick]);
  const oldest = data?.next_cursor ? data.runs.at(-1)?.tick : undefined;
  return <Strip cells={cells} knownFrom={oldest === undefined ? 0 : Date.parse(oldest)} />;
}
