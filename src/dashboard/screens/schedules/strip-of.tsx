/** The strip of one schedule. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Schedule } from "../../../client/taskflow.ts";
import { now } from "../../parts/time.tsx";
import { Strip } from "./strip.tsx";
import type { RecentTicks } from "./strip-cells.ts";
import { CELL_MS, stripCells } from "./strip-cells.ts";

interface StripOfProps {
  readonly schedule: Schedule;
  /** Undefined until they are read. */
  readonly recent: RecentTicks | undefined;
}

export function StripOf({ schedule: { last_run: last }, recent }: StripOfProps): JSX.Element {
  const half = Math.floor(now.value / CELL_MS);
  const cells = useMemo(() => stripCells(recent ?? [], last, now.peek()), [recent, half, last?.tick]);
  return <Strip cells={cells} />;
}
