/** The fields of the timing: what kind it is, its expression, interval or times, and the time zone. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { FieldFrame } from "../../parts/schema-form/field-frame.tsx";
import type { JsonNode, JsonObject } from "../../parts/schema-form/json-document.ts";
import { memberOf, nodeOf, stringOf, withMember } from "../../parts/schema-form/json-document.ts";
import { SchemaField } from "../../parts/schema-form/schema-field.tsx";
import type { FieldIssue } from "../../parts/schema-form/schema-shape.ts";
import { messagesAt } from "../../parts/schema-form/schema-shape.ts";
import type { DelayUnit } from "../../parts/time-field.ts";
import { DELAY_UNITS } from "../../parts/time-field.ts";
import type { TimingKind } from "./definition.ts";
import { timingIn, timingKindOf, withTimingKind } from "./definition.ts";
import { timingText } from "./timing-text.ts";

interface TimingProps {
  readonly definition: JsonObject;
  readonly onChange: (definition: JsonObject) => void;
  readonly errors: readonly FieldIssue[];
}

const KINDS: readonly (readonly [TimingKind, string])[] = [
  ["cron", "By a cron expression"],
  ["every", "At an interval"],
  ["times", "At fixed times"],
];

export function TimingFields(props: TimingProps): JSX.Element {
  const { definition, onChange } = props;
  const kind = timingKindOf(definition);
  return (
    <div class="form-members">
      <FieldFrame schema={{}} label="Ticks" isRequired={false} messages={[]}>
        {(control) => (
          <select
            {...control}
            value={kind ?? ""}
            onChange={({ currentTarget }) =>
              onChange(withTimingKind(definition, currentTarget.value as TimingKind, Date.now()))
            }
          >
            {kind === undefined ? <option value="">Choose one</option> : null}
            {KINDS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </FieldFrame>
      {kind === "cron" ? <CronField {...props} /> : null}
      {kind === "every" ? <IntervalFields {...props} /> : null}
      {kind === "times" ? <TimesField {...props} /> : null}
      <ZoneField {...props} />
    </div>
  );
}

function CronField({ definition, onChange, errors }: TimingProps): JSX.Element {
  const node = memberOf(definition, "cron");
  const cron = node ? stringOf(node) : "";
  const messages = messagesAt(errors, "/cron", []);
  const words = messages.length > 0 ? undefined : timingText(timingIn(definition));
  const description =
    words === undefined || words === cron
      ? "Minute, hour, day of the month, month, day of the week; seconds may come first. Also `@daily`, `L`, `W`, `#` and `H`."
      : `${words}.`;
  return (
    <FieldFrame schema={{ description }} label="Cron expression" isRequired={false} messages={messages}>
      {(control) => (
        <input
          {...control}
          class="field mono"
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={cron}
          onInput={({ currentTarget }) => onChange(withMember(definition, "cron", nodeOf(currentTarget.value)))}
        />
      )}
    </FieldFrame>
  );
}

interface Interval {
  readonly amount: string;
  readonly unit: DelayUnit;
}

/** In the largest unit of which it is a multiple. */
function intervalOf(ms: number): Interval {
  const units = (Object.keys(DELAY_UNITS) as DelayUnit[]).toReversed();
  const unit = units.find((each) => ms % DELAY_UNITS[each] === 0) ?? "seconds";
  return { amount: String(ms / DELAY_UNITS[unit]), unit };
}

/** Undefined while the text is no number of whole milliseconds. */
function msOf({ amount, unit }: Interval): number | undefined {
  const ms = /^\d+(?:\.\d+)?$/.test(amount) ? Number(amount) * DELAY_UNITS[unit] : Number.NaN;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

function IntervalFields({ definition, onChange, errors }: TimingProps): JSX.Element {
  const { every_ms: everyMs } = timingIn(definition);
  const [typed, setTyped] = useState<Interval>(intervalOf(everyMs ?? 0));
  // the JSON may have changed beside the fields
  const shown = everyMs === undefined || msOf(typed) === everyMs ? typed : intervalOf(everyMs);
  const change = (next: Interval): void => {
    setTyped(next);
    onChange(withMember(definition, "every_ms", nodeOf(msOf(next) ?? null)));
  };
  return (
    <>
      <FieldFrame
        schema={{ description: "Counted from midnight UTC, so ticks do not drift." }}
        label="Every"
        isRequired={false}
        messages={messagesAt(errors, "/every_ms", [])}
      >
        {(control) => (
          <div class="schedule-interval">
            <input
              {...control}
              class="field"
              inputMode="decimal"
              value={shown.amount}
              onInput={({ currentTarget }) => change({ ...shown, amount: currentTarget.value.trim() })}
            />
            <select
              aria-label="Unit of the interval"
              value={shown.unit}
              onChange={({ currentTarget }) => change({ ...shown, unit: currentTarget.value as DelayUnit })}
            >
              {Object.keys(DELAY_UNITS).map((unit) => (
                <option key={unit}>{unit}</option>
              ))}
            </select>
          </div>
        )}
      </FieldFrame>
      <SchemaField
        schema={{ type: "integer", description: "Moves all ticks by so many milliseconds.", default: 0 }}
        node={memberOf(definition, "offset_ms")}
        onChange={(node) => onChange(withMember(definition, "offset_ms", node))}
        label="offset_ms"
        pointer="/offset_ms"
        isRequired={false}
        errors={errors}
      />
    </>
  );
}

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

function TimesField({ definition, onChange, errors }: TimingProps): JSX.Element {
  const { times = [] } = timingIn(definition);
  const [typed, setTyped] = useState(times.join("\n"));
  const shown = linesOf(typed).join("\n") === times.join("\n") ? typed : times.join("\n");
  return (
    <FieldFrame
      schema={{ description: "RFC 3339, one per line, such as `2027-01-01T09:00:00+01:00`." }}
      label="Times"
      isRequired={false}
      messages={messagesAt(errors, "/times", [])}
    >
      {(control) => (
        <textarea
          {...control}
          rows={4}
          spellcheck={false}
          value={shown}
          onInput={({ currentTarget: { value } }) => {
            setTyped(value);
            onChange(withMember(definition, "times", nodeOf(linesOf(value))));
          }}
        />
      )}
    </FieldFrame>
  );
}

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

function ZoneField({ definition, onChange, errors }: TimingProps): JSX.Element {
  const list = useId();
  const node: JsonNode | undefined = memberOf(definition, "time_zone");
  return (
    <FieldFrame
      schema={{ description: "Of the expression, of templates and of the ticks shown here. Default: UTC." }}
      label="Time zone"
      isRequired={false}
      messages={messagesAt(errors, "/time_zone", [])}
    >
      {(control) => (
        <>
          <input
            {...control}
            class="field"
            type="text"
            list={list}
            autocomplete="off"
            spellcheck={false}
            placeholder="UTC"
            value={node ? stringOf(node) : ""}
            onInput={({ currentTarget: { value } }) =>
              onChange(withMember(definition, "time_zone", value === "" ? undefined : nodeOf(value)))
            }
          />
          <datalist id={list}>
            {ZONES.map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </FieldFrame>
  );
}
