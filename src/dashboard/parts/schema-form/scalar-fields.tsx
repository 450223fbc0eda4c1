/** The fields of single values. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { FieldProps } from "./field-frame.tsx";
import { FieldFrame } from "./field-frame.tsx";
import { FileButton } from "./file-button.tsx";
import type { JsonNode } from "./json-document.ts";
import { nodeOf, parseJson, printJson, stringOf } from "./json-document.ts";
import { isSameScalar, messagesAt } from "./schema-shape.ts";

const MAX_LINES = 14;

/** An emptied optional text is removed. */
export function TextField({ isLong, ...props }: FieldProps & { readonly isLong: boolean }): JSX.Element {
  const { schema, node, onChange, isRequired, errors, pointer, label } = props;
  const text = node ? stringOf(node) : "";
  const lines = text.split("\n").length;
  const change = (next: string): void => onChange(next === "" && !isRequired ? undefined : nodeOf(next));
  const tools = (
    <>
      {label.endsWith("base64") ? <FileButton onRead={change} /> : null}
      {props.tools}
    </>
  );
  return (
    <FieldFrame {...props} tools={tools} messages={messagesAt(errors, pointer, [])}>
      {(control) =>
        isLong || lines > 1 ? (
          <textarea
            {...control}
            class="form-text"
            rows={Math.min(MAX_LINES, Math.max(1, lines))}
            spellcheck={false}
            value={text}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        ) : (
          <input
            {...control}
            class="field"
            type="text"
            autocomplete="off"
            spellcheck={false}
            placeholder={typeof schema.default === "string" ? schema.default : undefined}
            value={text}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        )
      }
    </FieldFrame>
  );
}

/** Keeps the digits as they are typed: `1.0`, or more digits than a number of JavaScript has. */
export function NumberField({ isWhole, ...props }: FieldProps & { readonly isWhole: boolean }): JSX.Element {
  const { node, onChange, isRequired, errors, pointer } = props;
  const text = node && "text" in node ? node.text : "";
  const messages = messagesAt(errors, pointer, []);
  const draft = node?.kind === "draft" ? [isWhole ? "Enter a whole number." : "Enter a number, such as 1.5."] : [];
  return (
    <FieldFrame {...props} messages={[...draft, ...messages]}>
      {(control) => (
        <input
          {...control}
          class="field form-number"
          type="text"
          inputMode={isWhole ? "numeric" : "decimal"}
          autocomplete="off"
          value={text}
          onInput={({ currentTarget }) =>
            onChange(currentTarget.value.trim() === "" && !isRequired ? undefined : numberNode(currentTarget.value))
          }
        />
      )}
    </FieldFrame>
  );
}

function numberNode(text: string): JsonNode {
  const parsed = parseJson(text);
  return "node" in parsed && parsed.node.kind === "number" ? parsed.node : { kind: "draft", text: text.trim() };
}

/** One of a few values; also yes or no, where the value may be absent. */
export function ChoiceField({ values, ...props }: FieldProps & { readonly values: readonly string[] }): JSX.Element {
  const { node, onChange, isRequired, errors, pointer } = props;
  const text = node ? printJson(node) : "";
  const at = values.findIndex((value) => node !== undefined && isSameScalar(value, text));
  return (
    <FieldFrame {...props} messages={messagesAt(errors, pointer, [])}>
      {(control) => (
        <select
          {...control}
          class="form-choice"
          value={String(at)}
          onChange={({ currentTarget }) => {
            const chosen = values[Number(currentTarget.value)];
            onChange(chosen === undefined ? undefined : nodeOf(JSON.parse(chosen)));
          }}
        >
          {isRequired && at !== -1 ? null : <option value="-1">–</option>}
          {values.map((value, index) => (
            <option key={value} value={String(index)}>
              {choiceText(value)}
            </option>
          ))}
        </select>
      )}
    </FieldFrame>
  );
}

/** Characters that cannot be seen, such as a tab, are shown by their escape. */
function choiceText(json: string): string {
  if (json === "true") return "yes";
  if (json === "false") return "no";
  const value: unknown = JSON.parse(json);
  return typeof value === "string" && value.trim() !== "" ? value : json;
}

/** Any value, as JSON. What is not valid JSON yet makes the whole text invalid. */
export function JsonField(props: FieldProps): JSX.Element {
  const { node, onChange, isRequired, errors, pointer } = props;
  const known = node ? printJson(node) : "";
  const [draft, setDraft] = useState(known);
  const parsed = parseJson(draft);
  // the text stays as the user typed it, as long as it is the value of the document
  const isCurrent = known === ("node" in parsed ? printJson(parsed.node) : draft);
  const text = isCurrent ? draft : known;
  const change = (next: string): void => {
    setDraft(next);
    if (next.trim() === "" && !isRequired) {
      onChange(undefined);
      return;
    }
    const read = parseJson(next);
    onChange("node" in read ? read.node : { kind: "draft", text: next });
  };
  const own = node?.kind === "draft" && "issue" in parsed ? [`Not valid JSON: ${parsed.issue.message}`] : [];
  return (
    <FieldFrame {...props} messages={[...own, ...messagesAt(errors, pointer, [])]}>
      {(control) => (
        <textarea
          {...control}
          rows={Math.min(MAX_LINES, Math.max(1, text.split("\n").length))}
          spellcheck={false}
          placeholder="JSON"
          value={text}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
    </FieldFrame>
  );
}
