/** The strip of one schedule. Its runs are read again when there is a new one. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { firstOf } from "../../data/first-of.ts";
import { useResource } from "../../data/resource.ts";
import { now } from "../../parts/time.tsx";
import { Strip } from "./strip.tsx";
import { CELL_MS, stripCells } from "./strip-cells.ts";

const RUNS = 100;

export function StripOf({ schedule: { name, last_run: last } }: { readonly schedule: Schedule }): JSX.Element {
  const { data } = useResource(`schedule-strip ${name} ${last?.tick}`, (api, signal) =>
    firstOf(api.scheduleRunPages(name, { pageSize: RUNS, signal })),
  );
  const half = Math.floor(now.value / CELL_MS);
  const cells = useMemo(() => stripCells(data?.runs ?? [], now.peek()), [data, half]);
  return <Strip cells={cells} />;
}
