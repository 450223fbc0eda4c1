/** JSON as text. */
import type { JSX } from "preact";
import { useId, useMemo } from "preact/hooks";
import { Button } from "../button.tsx";
import { parseJson, printJson } from "./json-document.ts";
import type { FieldIssue } from "./schema-shape.ts";

interface JsonEditorProps {
  readonly label: string;
  /** JSON, or what the user has typed so far. */
  readonly value: string;
  readonly onChange: (json: string) => void;
  /** Listed with their paths. */
  readonly errors?: readonly FieldIssue[];
}

const [MIN_LINES, MAX_LINES] = [8, 32];

export function JsonEditor({ label, value, onChange, errors = [] }: JsonEditorProps): JSX.Element {
  const id = useId();
  const parsed = useMemo(() => parseJson(value), [value]);
  const issue = "issue" in parsed ? parsed.issue : undefined;
  const lines = value.split("\n").length;
  return (
    <div class="json-editor">
      <div class="form-label">
        <label for={id}>{label}</label>
        <Button
          kind="quiet"
          unavailable={issue && "The JSON is not valid."}
          onPress={() => {
            if ("node" in parsed) onChange(printJson(parsed.node));
          }}
        >
          Format
        </Button>
      </div>
      <textarea
        id={id}
        rows={Math.min(MAX_LINES, Math.max(MIN_LINES, lines + 1))}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={issue ? true : undefined}
        aria-describedby={`${id}-error`}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
      <div class="form-messages" id={`${id}-error`} role="alert">
        {issue ? (
          <p class="error-text">
            Line {issue.line}, column {issue.column}: {issue.message}
          </p>
        ) : null}
        {errors.map(({ path, message }) => (
          <p key={path + message} class="error-text">
            <code>{path === "" ? "/" : path}</code> {message}
          </p>
        ))}
      </div>
    </div>
  );
}
