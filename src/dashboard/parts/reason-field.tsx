/** The reason of a pause, for other readers. */
import type { JSX } from "preact";

export interface ReasonFieldProps {
  readonly value: string;
  readonly onChange: (reason: string) => void;
}

export function ReasonField({ value, onChange }: ReasonFieldProps): JSX.Element {
  return (
    <label>
      Reason, for others
      <input
        class="field"
        type="text"
        maxLength={200}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
        autofocus
      />
    </label>
  );
}
