/** The options of a new job, folded until one is wanted. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { TypeDescription } from "../../../client/taskflow.ts";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { zone } from "../../parts/time.tsx";
import type { OptionsDraft } from "./job-options.ts";
import { countSet, KEY_PATH } from "./job-options.ts";
import type { Choices } from "./option-fields.tsx";
import { Choice, Option, Start, Text, TimeInput } from "./option-fields.tsx";
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

const PRIORITIES: Choices = [
  ["", "Default (5)"],
  ...[9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((priority) => [String(priority), String(priority)] as const),
];
const DURABILITIES: Choices = [
  ["", "Default of the server"],
  ["redis", "Redis"],
  ["postgres", "Postgres"],
];

function Fields(props: OptionsProps): JSX.Element {
  const attempts = String(props.type.max_attempts ?? "");
  const expires = `Expires (${zone.value === "utc" ? "UTC" : "local time"})`;
  return (
    <>
      <Start {...props} />
      <Choice {...props} name="priority" label="Priority" path="/priority" hint="Higher first." choices={PRIORITIES} />
      <Text {...props} name="tags" label="Tags" path="/tags" hint="Separated by commas." />
      <Text {...props} name="group" label="Group" path="/group_key" hint="Groups of one type take turns." />
      <Text
        {...props}
        name="maxAttempts"
        label="Attempts"
        path="/max_attempts"
        hint="The most attempts before it fails."
        inputMode="numeric"
        placeholder={attempts}
      />
      <Option
        {...props}
        label={expires}
        paths={["/expires_at"]}
        hint="Not started by then, the job fails as `expired`."
      >
        {(control) => (
          <TimeInput
            control={control}
            value={props.options.expiresAt}
            onChange={(expiresAt) => props.onChange({ ...props.options, expiresAt })}
          />
        )}
      </Option>
      <Text
        {...props}
        name="callbackUrl"
        label="Callback URL"
        path="/callback_url"
        hint="Gets a signed POST with the finished job."
        inputMode="url"
      />
      <Choice
        {...props}
        name="durability"
        label="Durability"
        path="/durability"
        hint="What must hold the job before the server answers."
        choices={DURABILITIES}
      />
      <Text
        {...props}
        name="idempotencyKey"
        label="Idempotency key"
        path={KEY_PATH}
        hint="The same key submits the same job only once."
      />
    </>
  );
}
