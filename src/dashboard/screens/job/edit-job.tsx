/** Submits the job again with another payload. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { FieldError, Job } from "../../../client/taskflow.ts";
import { TaskFlowError } from "../../../client/taskflow.ts";
import { href, navigate, setQuery } from "../../app/router.ts";
import { submitJson } from "../../data/exact-json.ts";
import { useResource } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { indented } from "../../parts/json-text.ts";
import { Panel } from "../../parts/page.tsx";
import { parseJson, pointersOf } from "../../parts/schema-form/json-document.ts";
import { JsonEditor } from "../../parts/schema-form/json-editor.tsx";
import { SchemaForm } from "../../parts/schema-form/schema-form.tsx";
import { ErrorText, notify } from "../../parts/toasts.tsx";

/** What the API shows in place of a secret. */
const REDACTED = "[redacted]";

interface EditJobProps {
  readonly job: Job;
  readonly payloadJson: string;
}

export function EditJob({ job, payloadJson }: EditJobProps): JSX.Element {
  const [text, setText] = useState(() => indented(payloadJson));
  const [failure, setFailure] = useState<unknown>(undefined);
  const { data: types } = useResource("types", (api, signal) => api.types({ signal }));
  const schema = types?.find(({ type }) => type === job.type)?.payload_schema ?? undefined;
  const parsed = useMemo(() => parseJson(text), [text]);
  const secrets = "node" in parsed ? pointersOf(parsed.node, REDACTED) : [];
  const issues = secrets.map((path) => ({ path, message: "Enter the secret again: it is not shown." }));
  const errors = [...issues, ...errorsIn(failure)];
  const submit = async (): Promise<void> => {
    setFailure(undefined);
    try {
      const { id } = await submitJson(job.type, text, optionsOf(job));
      notify("Submitted as a new job.");
      navigate(href(["jobs", id]));
    } catch (error) {
      setFailure(error);
    }
  };
  const change = (next: string): void => {
    setText(next);
    setFailure(undefined);
  };
  return (
    <Panel title="Edit and retry" aside="Submits a new job. This one stays as it is.">
      <div class="panel-body edit-job">
        {secrets.length > 0 ? (
          <p class="notice">
            Secrets of the job are not shown. Enter {secrets.length === 1 ? "it" : "all of them"} again before you
            submit: {secrets.map((path) => path.slice(1)).join(", ")}.
          </p>
        ) : null}
        <div class={schema ? "form-and-json" : ""}>
          {schema ? <SchemaForm schema={schema} value={text} onChange={change} errors={errors} /> : null}
          <JsonEditor label="Payload as JSON" value={text} onChange={change} errors={schema ? [] : errors} />
        </div>
        {failure !== undefined && errorsIn(failure).length === 0 ? (
          <div class="notice error" role="alert">
            <ErrorText error={failure} />
          </div>
        ) : null}
        <p class="muted">
          The new job has the same priority, tags, group and number of attempts. Its timeout, backoff and callback are
          those of its type.
        </p>
        <div class="actions">
          <Button kind="primary" scope="submit" unavailable={reasonOf(parsed, secrets)} onPress={submit}>
            Submit
          </Button>
          <Button onPress={() => setQuery({ view: null }, { push: true })}>Discard</Button>
        </div>
      </div>
    </Panel>
  );
}

function reasonOf(parsed: ReturnType<typeof parseJson>, secrets: readonly string[]): string | undefined {
  if (!("node" in parsed)) return "The JSON is not valid.";
  if (parsed.node.kind !== "object") return "The payload must be an object.";
  return secrets.length > 0 ? "Enter the secrets again." : undefined;
}

function optionsOf({ priority, tags, group_key: groupKey, max_attempts: maxAttempts, durability }: Job) {
  return { priority, tags, maxAttempts, durability, ...(groupKey !== null && { groupKey }) };
}

/** The field errors of the payload, with pointers into it. */
function errorsIn(failure: unknown): FieldError[] {
  if (!(failure instanceof TaskFlowError)) return [];
  return failure.errors.flatMap((error) =>
    error.path === "/payload" || error.path.startsWith("/payload/")
      ? [{ ...error, path: error.path.slice("/payload".length) }]
      : [],
  );
}
