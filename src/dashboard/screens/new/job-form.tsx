/** The form of a new job: its payload as fields and as JSON, its options, and the job once it is submitted. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { TypeDescription } from "../../../client/taskflow.ts";
import { SERVER_URL } from "../../app/base.ts";
import { useKeys } from "../../app/keys.ts";
import { href, navigate, route, setQuery } from "../../app/router.ts";
import { exactSubmission } from "../../data/exact-json.ts";
import { can, currentKey } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { CopyButton } from "../../parts/copy.tsx";
import { curlOf } from "../../parts/copy-as.ts";
import { Panel } from "../../parts/page.tsx";
import { JsonEditor } from "../../parts/schema-form/json-editor.tsx";
import { SchemaForm } from "../../parts/schema-form/schema-form.tsx";
import type { FieldIssue, Schema } from "../../parts/schema-form/schema-shape.ts";
import { zone } from "../../parts/time.tsx";
import { ErrorText, reportError } from "../../parts/toasts.tsx";
import type { Draft } from "./draft.ts";
import { draftOf, examplesOf, issueOf, setDraft } from "./draft.ts";
import { readOptions } from "./job-options.ts";
import { OptionsPanel } from "./options-panel.tsx";
import { payloadIssues } from "./submission-issues.ts";
import { SubmittedJob } from "./submitted-job.tsx";
import type { Submitting } from "./use-submit.ts";
import { useSubmit } from "./use-submit.ts";

export function JobForm({ type }: { readonly type: TypeDescription }): JSX.Element {
  const draft = draftOf(type);
  const submitting = useSubmit(type.type, draft);
  const form = useRef<HTMLDivElement>(null);
  const { issues, failure } = submitting;
  const change = (next: Draft): void => {
    submitting.forget();
    setDraft(type, next);
  };
  useEffect(() => {
    // the first field with an issue: it may be in a part that has just been opened
    if (issues.length > 0) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [issues]);
  return (
    <div ref={form}>
      {type.description === null ? null : <p class="muted lead">{type.description}</p>}
      <PayloadPanel type={type} draft={draft} onChange={change} issues={payloadIssues(issues)} />
      <OptionsPanel
        type={type}
        options={draft.options}
        onChange={(options) => change({ ...draft, options })}
        issues={issues}
      />
      {failure === undefined ? null : (
        <div class="notice error" role="alert">
          <ErrorText error={failure} />
        </div>
      )}
      <SubmitBar type={type} draft={draft} submitting={submitting} />
    </div>
  );
}

interface PayloadPanelProps {
  readonly type: TypeDescription;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly issues: readonly FieldIssue[];
}

function PayloadPanel({ type, draft, onChange, issues }: PayloadPanelProps): JSX.Element {
  const schema = type.payload_schema as Schema | null;
  const [filled, setFilled] = useState(0);
  const change = (payload: string): void => onChange({ ...draft, payload });
  const fill = (payload: string): void => {
    change(payload);
    setFilled(filled + 1);
  };
  return (
    <Panel title="Payload" aside={<Examples type={type} payload={draft.payload} onFill={fill} />}>
      <div class={schema ? "panel-body form-and-json" : "panel-body"}>
        {/* another example shows other fields */}
        {schema ? (
          <SchemaForm key={filled} schema={schema} value={draft.payload} onChange={change} errors={issues} />
        ) : null}
        <JsonEditor label="JSON" value={draft.payload} onChange={change} errors={schema ? [] : issues} />
      </div>
    </Panel>
  );
}

interface ExamplesProps {
  readonly type: TypeDescription;
  readonly payload: string;
  readonly onFill: (payload: string) => void;
}

/** Fills the form with an example. What the user had typed can be restored. */
function Examples({ type, payload, onFill }: ExamplesProps): JSX.Element {
  const examples = examplesOf(type);
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const fill = (example: string): void => {
    if (!examples.includes(payload)) setTyped(payload);
    onFill(example);
  };
  return (
    <div class="actions">
      {examples.map((example, at) => (
        <Button key={at} kind="quiet" isPressed={example === payload} onPress={() => fill(example)}>
          {examples.length === 1 ? "Example" : `Example ${at + 1}`}
        </Button>
      ))}
      {typed === undefined || !examples.includes(payload) ? null : (
        <Button kind="quiet" onPress={() => onFill(typed)}>
          Undo
        </Button>
      )}
    </div>
  );
}

interface SubmitBarProps {
  readonly type: TypeDescription;
  readonly draft: Draft;
  readonly submitting: Submitting;
}

function SubmitBar({ type, draft, submitting }: SubmitBarProps): JSX.Element {
  const id = route().query.get("job");
  const unavailable = issueOf(draft.payload);
  const submit = async (): Promise<void> => {
    const job = await submitting.submit();
    if (job) setQuery({ job: job.id });
  };
  const submitAndOpen = async (): Promise<void> => {
    const job = await submitting.submit();
    if (job) navigate(href(["jobs", job.id]));
  };
  useKeys("New job", {
    "$mod+Enter": {
      text: "Submit",
      run: () => {
        if (unavailable !== undefined) reportError(new Error(unavailable));
        else if (can("submit")) submit().catch(reportError);
      },
    },
  });
  const curl = (): string => {
    const { idempotencyKey, ...options } = readOptions(draft.options, zone.value).options;
    const target = { url: SERVER_URL, hasKey: currentKey() !== undefined };
    return curlOf(exactSubmission(type.type, draft.payload, options), target, idempotencyKey);
  };
  return (
    <div class="submit-bar">
      <div class="actions">
        <Button kind="primary" scope="submit" unavailable={unavailable} onPress={submit} title="Ctrl+Enter">
          Submit
        </Button>
        <Button scope="submit" unavailable={unavailable} onPress={submitAndOpen}>
          Submit and open
        </Button>
        {unavailable === undefined ? (
          <CopyButton text={curl}>Copy as curl</CopyButton>
        ) : (
          <Button kind="quiet" unavailable={unavailable} onPress={() => undefined}>
            Copy as curl
          </Button>
        )}
      </div>
      <div class="submitted" role="status">
        {id === null ? null : <SubmittedJob key={id} id={id} />}
      </div>
    </div>
  );
}
