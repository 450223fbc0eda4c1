/** How much of a limit is in use: a bar, with the numbers beside it. */
import type { JSX } from "preact";
import { countText } from "./format.ts";

interface MeterProps {
  readonly used: number;
  readonly limit: number;
  /** Read out before the numbers. */
  readonly label: string;
  readonly format?: (value: number) => string;
}

export function Meter({ used, limit, label, format = countText }: MeterProps): JSX.Element {
  const share = limit === 0 ? 0 : Math.min(1, used / limit);
  return (
    <span class="meter" role="img" aria-label={`${label}: ${format(used)} of ${format(limit)}`}>
      <span class="meter-bar" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      <span class="meter-text" aria-hidden="true">
        {format(used)}
        <span class="muted"> / {format(limit)}</span>
      </span>
    </span>
  );
}
