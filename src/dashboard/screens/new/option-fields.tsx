/** The fields of the options. */
import type { ComponentChildren, JSX } from "preact";
import type { ControlProps } from "../../parts/schema-form/field-frame.tsx";
import { FieldFrame } from "../../parts/schema-form/field-frame.tsx";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { messagesAt } from "../../parts/schema-form/schema-shape.ts";
import { zone } from "../../parts/time.tsx";
import type { DelayUnit } from "../../parts/time-field.ts";
import { DELAY_UNITS } from "../../parts/time-field.ts";
import type { OptionsDraft } from "./job-options.ts";

interface FieldsProps {
  readonly options: OptionsDraft;
  readonly onChange: (options: OptionsDraft) => void;
  readonly issues: readonly FieldIssue[];
}

interface TimeInputProps {
  readonly control: Partial<ControlProps>;
  readonly label?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function TimeInput({ control, label, value, onChange }: TimeInputProps): JSX.Element {
  return (
    <input
      {...control}
      class="field"
      type="datetime-local"
      aria-label={label}
      value={value}
      onInput={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

export type Choices = readonly (readonly [value: string, text: string])[];

interface OptionProps extends Pick<FieldsProps, "issues"> {
  readonly label: string;
  readonly paths: readonly string[];
  readonly hint: string;
  readonly children: (control: ControlProps) => ComponentChildren;
}

export function Option({ label, paths, hint, issues, children }: OptionProps): JSX.Element {
  const messages = paths.flatMap((path) => messagesAt(issues, path, []));
  return (
    <FieldFrame schema={{ description: hint }} label={label} isRequired={false} tools={null} messages={messages}>
      {children}
    </FieldFrame>
  );
}

interface TextProps extends FieldsProps {
  readonly name: "tags" | "group" | "maxAttempts" | "callbackUrl" | "idempotencyKey";
  readonly label: string;
  readonly path: string;
  readonly hint: string;
  readonly inputMode?: "numeric" | "url";
  readonly placeholder?: string;
}

export function Text({ name, path, inputMode, placeholder, options, onChange, ...props }: TextProps): JSX.Element {
  return (
    <Option {...props} paths={[path]}>
      {(control) => (
        <input
          {...control}
          class="field"
          type="text"
          inputMode={inputMode}
          placeholder={placeholder}
          autocomplete="off"
          spellcheck={false}
          value={options[name]}
          onInput={({ currentTarget }) => onChange({ ...options, [name]: currentTarget.value })}
        />
      )}
    </Option>
  );
}

interface ChoiceProps extends FieldsProps {
  readonly name: "priority" | "durability";
  readonly label: string;
  readonly path: string;
  readonly hint: string;
  readonly choices: Choices;
}

export function Choice({ name, path, choices, options, onChange, ...props }: ChoiceProps): JSX.Element {
  return (
    <Option {...props} paths={[path]}>
      {(control) => (
        <select
          {...control}
          value={options[name]}
          onChange={({ currentTarget }) => onChange({ ...options, [name]: currentTarget.value })}
        >
          {choices.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Option>
  );
}

export function Start({ options, onChange, issues }: FieldsProps): JSX.Element {
  const { start, delay, delayUnit, runAt } = options;
  const set = (part: Partial<OptionsDraft>): void => onChange({ ...options, ...part });
  return (
    <Option label="Start" paths={["/delay_ms", "/run_at"]} hint="The earliest start." issues={issues}>
      {({ id, ...control }) => (
        <div class="new-start">
          <select
            id={id}
            value={start}
            onChange={({ currentTarget }) => set({ start: currentTarget.value as OptionsDraft["start"] })}
          >
            <option value="now">At once</option>
            <option value="delay">After a delay</option>
            <option value="time">At a time ({zone.value === "utc" ? "UTC" : "local time"})</option>
          </select>
          {start === "delay" ? (
            <>
              <input
                {...control}
                class="field"
                inputMode="numeric"
                aria-label="Delay"
                value={delay}
                onInput={({ currentTarget }) => set({ delay: currentTarget.value })}
              />
              <select
                aria-label="Unit of the delay"
                value={delayUnit}
                onChange={({ currentTarget }) => set({ delayUnit: currentTarget.value as DelayUnit })}
              >
                {Object.keys(DELAY_UNITS).map((unit) => (
                  <option key={unit}>{unit}</option>
                ))}
              </select>
            </>
          ) : null}
          {start === "time" ? (
            <TimeInput
              control={control}
              label="Time of the start"
              value={runAt}
              onChange={(at) => set({ runAt: at })}
            />
          ) : null}
        </div>
      )}
    </Option>
  );
}
