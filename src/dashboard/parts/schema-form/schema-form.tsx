/**
 * A form for JSON, generated from a JSON Schema. The text is the truth: show a {@link JsonEditor} of the same text beside
 * the form, and both stay in step. An edit of a field changes neither the digits nor the escapes of other values.
 */
import type { JSX } from "preact";
import { Members } from "./group-fields.tsx";
import type { JsonNode } from "./json-document.ts";
import { useJsonTextNode } from "./json-text-node.ts";
import { SchemaField } from "./schema-field.tsx";
import type { FieldIssue, Schema } from "./schema-shape.ts";
import { messagesAt, shapeOf } from "./schema-shape.ts";

interface SchemaFormProps {
  /** A JSON Schema, such as `payload_schema` of a job type. */
  readonly schema: Schema;
  /** JSON. While it is not valid, {@link parseJson} has its issue, and it cannot be submitted. */
  readonly value: string;
  readonly onChange: (json: string) => void;
  /** Shown at their fields; the paths are JSON pointers into the value. */
  readonly errors?: readonly FieldIssue[];
}

export function SchemaForm({ schema, value, onChange, errors = [] }: SchemaFormProps): JSX.Element {
  const { node, change: write } = useJsonTextNode(value, onChange);
  const change = (next: JsonNode | undefined): void => {
    if (next) write(next);
  };
  if (!node) return <p class="form-invalid muted">The form returns when the JSON is valid.</p>;
  const shape = shapeOf(schema);
  if (shape.kind !== "object" || node.kind !== "object")
    return (
      <SchemaField schema={schema} node={node} onChange={change} label="Value" pointer="" isRequired errors={errors} />
    );
  const shown = [...shape.properties.map(([key]) => key), ...node.members.map(({ key }) => key)];
  return (
    <div class="schema-form">
      {messagesAt(errors, "", shown).map((message) => (
        <p key={message} class="error-text" role="alert">
          {message}
        </p>
      ))}
      <Members schema={schema} shape={shape} object={node} onChange={change} pointer="" errors={errors} />
    </div>
  );
}
