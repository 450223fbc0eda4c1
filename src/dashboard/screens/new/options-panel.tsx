/** The options of a new job, folded until one is wanted. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TypeDescription } from "../../../client/taskflow.ts";
import type { ControlProps } from "../../parts/schema-form/field-frame.tsx";
import { FieldFrame } from "../../parts/schema-form/field-frame.tsx";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { messagesAt } from "../../parts/schema-form/schema-shape.ts";
import { zone } from "../../parts/time.tsx";
import type { DelayUnit } from "../../parts/time-field.ts";
import { DELAY_UNITS } from "../../parts/time-field.ts";
import type { OptionsDraft } from "./job-options.ts";
import { countSet, KEY_PATH } from "./job-options.ts";
import { hasOptionIssue } from "./submission-issues.ts";

interface OptionsProps {
  readonly type: TypeDescription;
  readonly options: OptionsDraft;
  readonly onChange: (options: OptionsDraft) => void;
  readonly issues: readonly FieldIssue[];
}

export function OptionsPanel(props: OptionsProps): JSX.Element {
  const { options, issues } = props;
  const count = countSet(options);
  const details = useRef<HTMLDetailsElement>(null);
  const hasIssue = hasOptionIssue(issues);
  useEffect(() => {
    if (hasIssue && details.current) details.current.open = true;
  }, [hasIssue]);
  return (
    <details ref={details} class="panel new-options">
      <summary class="panel-head">
        <h2>Options</h2>
        <span class="panel-aside">{count === 0 ? "Defaults of the type" : `${count} set`}</span>
      </summary>
      <div class="panel-body new-option-fields">
        <Fields {...props} />
      </div>
    </details>
  );
}

function Fields(props: OptionsProps): JSX.Element {
  const { type, options, onChange } = props;
  const text = (name: keyof OptionsDraft, label: string, path: string, hint: string, extra: Extra = {}) => (
    <Option {...props} label={label} paths={[path]} hint={hint}>
      {(control) => (
        <input
          {...control}
          class="field"
          type="text"
          autocomplete="off"
          spellcheck={false}
          {...extra}
          value={options[name]}
          onInput={({ currentTarget }) => onChange({ ...options, [name]: currentTarget.value })}
        />
      )}
    </Option>
  );
  const zoneText = zone.value === "utc" ? "UTC" : "local time";
  const attempts = { inputMode: "numeric", placeholder: String(type.max_attempts ?? "") } as const;
  return (
    <>
      <Start {...props} />
      <Choice {...props} name="priority" label="Priority" path="/priority" hint="Higher first." choices={PRIORITIES} />
      {text("tags", "Tags", "/tags", "Separated by commas.")}
      {text("group", "Group", "/group_key", "Groups of one type take turns.")}
      {text("maxAttempts", "Attempts", "/max_attempts", "At most so many.", attempts)}
      {text("expiresAt", `Expires (${zoneText})`, "/expires_at", "Not started by then, the job fails as expired.", {
        type: "datetime-local",
      })}
      {text("callbackUrl", "Callback URL", "/callback_url", "Gets a signed POST with the finished job.", {
        inputMode: "url",
      })}
      <Choice
        {...props}
        name="durability"
        label="Durability"
        path="/durability"
        hint="What must hold the job before the server answers."
        choices={DURABILITIES}
      />
      {text("idempotencyKey", "Idempotency key", KEY_PATH, "The same key submits the same job only once.")}
    </>
  );
}

interface Extra {
  readonly type?: "datetime-local";
  readonly inputMode?: "numeric" | "url";
  readonly placeholder?: string;
}
type Choices = readonly (readonly [value: string, text: string])[];

const PRIORITIES: Choices = [
  ["", "Default (5)"],
  ...[9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((priority) => [String(priority), String(priority)] as const),
];
const DURABILITIES: Choices = [
  ["", "Default of the server"],
  ["redis", "Redis"],
  ["postgres", "Postgres"],
];

interface OptionProps extends Pick<OptionsProps, "issues"> {
  readonly label: string;
  readonly paths: readonly string[];
  readonly hint: string;
  readonly children: (control: ControlProps) => ComponentChildren;
}

function Option({ label, paths, hint, issues, children }: OptionProps): JSX.Element {
  const messages = paths.flatMap((path) => messagesAt(issues, path, []));
  return (
    <FieldFrame schema={{ description: hint }} label={label} isRequired={false} tools={null} messages={messages}>
      {children}
    </FieldFrame>
  );
}

interface ChoiceProps extends OptionsProps {
  readonly name: "priority" | "durability";
  readonly label: string;
  readonly path: string;
  readonly hint: string;
  readonly choices: Choices;
}

function Choice({ name, path, choices, options, onChange, ...props }: ChoiceProps): JSX.Element {
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

function Start({ options, onChange, issues }: OptionsProps): JSX.Element {
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
            <input
              {...control}
              class="field"
              type="datetime-local"
              aria-label="Time of the start"
              value={runAt}
              onInput={({ currentTarget }) => set({ runAt: currentTarget.value })}
            />
          ) : null}
        </div>
      )}
    </Option>
  );
}
