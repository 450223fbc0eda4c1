/** What all fields have: a label, a description, messages, and a button that removes an optional value. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import type { JsonNode } from "./json-document.ts";
import type { FieldIssue, Schema } from "./schema-shape.ts";

export interface FieldProps {
  readonly schema: Schema;
  /** Undefined where the value is absent. */
  readonly node: JsonNode | undefined;
  /** Undefined removes the value. */
  readonly onChange: (node: JsonNode | undefined) => void;
  readonly label: string;
  /** A JSON pointer into the whole value. */
  readonly pointer: string;
  /** An emptied value that is not required is removed. */
  readonly isRequired: boolean;
  /** An item of a list, or a member of a record: there is no need to say that it is required. */
  readonly isItem?: boolean;
  readonly errors: readonly FieldIssue[];
  /** Beside the label. */
  readonly tools?: ComponentChildren;
}

export interface ControlProps {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
  readonly "aria-required": true | undefined;
}

interface FrameProps extends Pick<FieldProps, "schema" | "label" | "isRequired" | "isItem" | "tools"> {
  readonly messages: readonly string[];
  readonly children: (control: ControlProps) => ComponentChildren;
}

/** The frame of a field with one control. */
export function FieldFrame({
  schema,
  label,
  isRequired,
  isItem = false,
  tools,
  messages,
  children,
}: FrameProps): JSX.Element {
  const id = useId();
  const described = [hintOf(schema) && `${id}-hint`, messages.length > 0 && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="form-field">
      <div class="form-label">
        <label for={id}>
          {label} <RequiredMark isRequired={isRequired && !isItem} />
        </label>
        {tools}
      </div>
      {children({
        id,
        "aria-describedby": described === "" ? undefined : described,
        "aria-invalid": messages.length > 0 ? true : undefined,
        "aria-required": isRequired ? true : undefined,
      })}
      <Hint schema={schema} id={`${id}-hint`} />
      <Messages messages={messages} id={`${id}-error`} />
    </div>
  );
}

/** The frame of a value with several fields. */
export function GroupFrame({
  schema,
  label,
  isRequired,
  isItem = false,
  tools,
  messages,
  children,
}: Omit<FrameProps, "children"> & { readonly children: ComponentChildren }): JSX.Element {
  const id = useId();
  return (
    <div class="form-group" role="group" aria-labelledby={id}>
      <div class="form-label">
        <span id={id} class="form-legend">
          {label} <RequiredMark isRequired={isRequired && !isItem} />
        </span>
        {tools}
      </div>
      <Hint schema={schema} id={`${id}-hint`} />
      <Messages messages={messages} id={`${id}-error`} />
      {children}
    </div>
  );
}

function RequiredMark({ isRequired }: { readonly isRequired: boolean }): JSX.Element | null {
  return isRequired ? <span class="muted form-required">required</span> : null;
}

function hintOf({ description, expected, default: initial }: Schema): string {
  const texts = [description ?? (expected === undefined ? undefined : `${expected}.`)];
  if (initial !== undefined) texts.push(`Default: ${typeof initial === "string" ? initial : JSON.stringify(initial)}.`);
  return texts.filter((text) => text !== undefined).join(" ");
}

function Hint({ schema, id }: { readonly schema: Schema; readonly id: string }): JSX.Element | null {
  const text = hintOf(schema);
  return text === "" ? null : (
    <p class="form-hint" id={id}>
      {withCode(text)}
    </p>
  );
}

/** Names between backticks, as descriptions have them, are shown as code. */
function withCode(text: string): ComponentChildren {
  return text.split(/`([^`]+)`/).map((part, at) => (at % 2 === 0 ? part : <code key={at}>{part}</code>));
}

function Messages({ messages, id }: { readonly messages: readonly string[]; readonly id: string }): JSX.Element {
  return (
    <div class="form-messages" id={id} role="alert">
      {messages.map((message) => (
        <p key={message} class="error-text">
          {message}
        </p>
      ))}
    </div>
  );
}

interface SmallButtonProps {
  readonly children: ComponentChildren;
  /** For screen readers: which value. */
  readonly label: string;
  readonly onPress: () => void;
}

export function SmallButton({ children, label, onPress }: SmallButtonProps): JSX.Element {
  return (
    <button type="button" class="button quiet small" aria-label={label} onClick={onPress}>
      {children}
    </button>
  );
}
