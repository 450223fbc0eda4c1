/** A small chart of a few counts, without axes. */
import type { JSX } from "preact";

interface SparklineProps {
  readonly values: readonly number[];
  /** Read out instead of the picture. */
  readonly label: string;
  readonly tone?: "accent" | "failed";
}

const HEIGHT = 24;
const STEP = 4;

export function Sparkline({ values, label, tone = "accent" }: SparklineProps): JSX.Element {
  const most = Math.max(1, ...values);
  const width = values.length * STEP;
  return (
    <svg
      class={`sparkline ${tone}`}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {values.map((value, at) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT);
        return (
          <rect
            key={at}
            class={value === 0 ? "zero" : ""}
            x={at * STEP}
            y={HEIGHT - height}
            width={STEP - 1}
            height={height}
          />
        );
      })}
    </svg>
  );
}
