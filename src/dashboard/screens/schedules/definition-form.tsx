/** The form of a definition: its timing, its job and its rules, the same as JSON, and its next ticks. */
import type { ComponentChildren, JSX } from "preact";
import type { TypeDescription } from "../../../client/taskflow.ts";
import { useResource } from "../../data/resource.ts";
import { Panel } from "../../parts/page.tsx";
import { FieldFrame } from "../../parts/schema-form/field-frame.tsx";
import type { JsonObject } from "../../parts/schema-form/json-document.ts";
import { memberOf, nodeOf, parseJson, withMember } from "../../parts/schema-form/json-document.ts";
import { JsonEditor } from "../../parts/schema-form/json-editor.tsx";
import { useJsonTextNode } from "../../parts/schema-form/json-text-node.ts";
import { SchemaField } from "../../parts/schema-form/schema-field.tsx";
import type { FieldIssue, Schema } from "../../parts/schema-form/schema-shape.ts";
import { messagesAt } from "../../parts/schema-form/schema-shape.ts";
import { examplesOf } from "../new/draft.ts";
import { offeredTypes } from "../new/offered-types.ts";
import { hasField, JOB_OPTIONS, jobTypeOf, RULES, withJobType } from "./definition.ts";
import { TickList } from "./next-ticks.tsx";
import { TimingFields } from "./timing-fields.tsx";
import type { Preview } from "./use-preview.ts";

interface DefinitionFormProps {
  /** JSON, or what the user has typed so far. */
  readonly value: string;
  readonly onChange: (json: string) => void;
  readonly errors: readonly FieldIssue[];
  readonly preview: Preview;
  /** Fields before the others. */
  readonly children?: ComponentChildren;
}

export function DefinitionForm({ value, onChange, errors, preview, children }: DefinitionFormProps): JSX.Element {
  const { node, change } = useJsonTextNode(value, onChange);
  return (
    <div class="schedule-form">
      <div class="schedule-fields">
        {node?.kind === "object" ? (
          <>
            <Panel title="When">
              <div class="panel-body form-members">
                {children}
                <TimingFields definition={node} onChange={change} errors={errors} />
              </div>
            </Panel>
            <JobPanel definition={node} onChange={change} errors={errors} />
            <Panel title="Rules">
              <div class="panel-body form-members">
                <Fields schemas={RULES} object={node} onChange={change} pointer="" errors={errors} />
              </div>
            </Panel>
          </>
        ) : (
          <>
            {children}
            <p class="muted">The form returns when the JSON is a valid object.</p>
          </>
        )}
      </div>
      <div class="schedule-beside">
        <Panel title="Next ticks" aside={preview.zone}>
          <TickList preview={preview} />
        </Panel>
        <Panel title="The same as JSON">
          <div class="panel-body">
            <JsonEditor
              label="Definition"
              value={value}
              onChange={onChange}
              errors={errors.filter(({ path }) => node === undefined || !hasField(path))}
            />
          </div>
        </Panel>
      </div>
    </div>
  );
}

interface FieldsProps {
  readonly object: JsonObject;
  readonly onChange: (object: JsonObject) => void;
  readonly errors: readonly FieldIssue[];
}

function Fields({
  schemas,
  object,
  onChange,
  pointer,
  errors,
}: FieldsProps & { readonly schemas: Readonly<Record<string, Schema>>; readonly pointer: string }): JSX.Element {
  return (
    <>
      {Object.entries(schemas).map(([key, schema]) => (
        <SchemaField
          key={key}
          schema={schema}
          node={memberOf(object, key)}
          onChange={(next) => onChange(withMember(object, key, next))}
          label={key}
          pointer={`${pointer}/${key}`}
          isRequired={false}
          errors={errors}
        />
      ))}
    </>
  );
}

interface JobPanelProps extends Omit<FieldsProps, "object"> {
  readonly definition: JsonObject;
}

function JobPanel({ definition, onChange, errors }: JobPanelProps): JSX.Element {
  const { data: types = [] } = useResource("types", (api, signal) => api.types({ signal }));
  const type = jobTypeOf(definition);
  const described = types.find((each) => each.type === type);
  const job = memberOf(definition, "job");
  const object: JsonObject = job?.kind === "object" ? job : { kind: "object", members: [] };
  const setJob = (next: JsonObject): void => onChange(withMember(definition, "job", next));
  const hasOptionIssue = Object.keys(JOB_OPTIONS).some((key) => messagesAt(errors, `/job/${key}`, []).length > 0);
  const names = [...new Set([...offeredTypes(types).map((each) => each.type), ...(type === undefined ? [] : [type])])];
  return (
    <Panel title="Job">
      <div class="panel-body form-members">
        <FieldFrame
          schema={{ description: described?.description ?? "" }}
          label="Type"
          isRequired={false}
          messages={messagesAt(errors, "/job/type", [])}
        >
          {(control) => (
            <select
              {...control}
              value={type ?? ""}
              onChange={({ currentTarget: { value } }) =>
                onChange(withMember(definition, "job", withJobType(definition, value, payloadFor(value, types))))
              }
            >
              {type === undefined ? <option value="">Choose one</option> : null}
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </FieldFrame>
        <p class="form-hint">
          Texts of the payload may have templates: <code>{"${tick}"}</code>, <code>{"${previous_tick}"}</code>,{" "}
          <code>{"${tick-1d:YYYY-MM-DD}"}</code>.
        </p>
        <SchemaField
          key={type}
          schema={described?.payload_schema ?? {}}
          node={memberOf(object, "payload")}
          onChange={(next) => setJob(withMember(object, "payload", next))}
          label="payload"
          pointer="/job/payload"
          isRequired
          errors={errors}
        />
        <details class="form-more" open={hasOptionIssue || undefined}>
          <summary>Options of the job</summary>
          <div class="form-members">
            <Fields schemas={JOB_OPTIONS} object={object} onChange={setJob} pointer="/job" errors={errors} />
          </div>
        </details>
      </div>
    </Panel>
  );
}

function payloadFor(type: string, types: readonly TypeDescription[]): ReturnType<typeof nodeOf> {
  const described = types.find((each) => each.type === type);
  const parsed = parseJson(described ? (examplesOf(described)[0] ?? "{}") : "{}");
  return "node" in parsed ? parsed.node : nodeOf({});
}
