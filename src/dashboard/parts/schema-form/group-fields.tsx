/** The fields of values with parts: objects, lists, and values of one of several shapes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { FieldProps } from "./field-frame.tsx";
import { GroupFrame, SmallButton } from "./field-frame.tsx";
import type { JsonArray, JsonObject } from "./json-document.ts";
import { memberOf, pointerTo, withItem, withKey, withMember } from "./json-document.ts";
import { SchemaField } from "./schema-field.tsx";
import type { FieldIssue, ObjectShape, Schema } from "./schema-shape.ts";
import { branchNames, branchOf, mainFields, messagesAt, startOf } from "./schema-shape.ts";

interface MembersProps {
  readonly schema: Schema;
  readonly shape: ObjectShape;
  readonly object: JsonObject;
  readonly onChange: (object: JsonObject) => void;
  readonly pointer: string;
  readonly errors: readonly FieldIssue[];
}

export function ObjectField({
  shape,
  object,
  ...props
}: FieldProps & { readonly shape: ObjectShape; readonly object: JsonObject }): JSX.Element {
  const shown = [...shape.properties.map(([key]) => key), ...object.members.map(({ key }) => key)];
  return (
    <GroupFrame {...props} messages={messagesAt(props.errors, props.pointer, shown)}>
      <Members {...props} shape={shape} object={object} />
    </GroupFrame>
  );
}

/** The fields of an object. Which ones are folded is decided once, so that no field moves while a user types. */
export function Members(props: MembersProps): JSX.Element {
  const { schema, shape, object, onChange, pointer, errors } = props;
  const [main] = useState(() => mainFields(schema, shape, object));
  const field = ([key, each]: readonly [string, Schema]): JSX.Element => (
    <SchemaField
      key={key}
      schema={each}
      node={memberOf(object, key)}
      onChange={(next) => onChange(withMember(object, key, next))}
      label={key}
      pointer={pointerTo(pointer, key)}
      isRequired={shape.required.has(key)}
      errors={errors}
    />
  );
  const folded = shape.properties.filter(([key]) => !main.has(key));
  const isOpen = folded.some(([key]) => messagesAt(errors, pointerTo(pointer, key), []).length > 0);
  return (
    <div class="form-members">
      {shape.properties.filter(([key]) => main.has(key)).map(field)}
      {folded.length === 0 ? null : (
        <details class="form-more" open={isOpen || undefined}>
          <summary>{folded.length} more fields</summary>
          <div class="form-members">{folded.map(field)}</div>
        </details>
      )}
      <OtherMembers {...props} />
    </div>
  );
}

/** Members whose names the schema does not list: rows of a name and a value. */
function OtherMembers({ shape, object, onChange, pointer, errors }: MembersProps): JSX.Element | null {
  const known = new Set(shape.properties.map(([key]) => key));
  const rows = object.members.map((member, index) => ({ ...member, index })).filter(({ key }) => !known.has(key));
  const { others } = shape;
  if (others === undefined && rows.length === 0) return null;
  const remove = (index: number): void =>
    onChange({ kind: "object", members: object.members.filter((_, at) => at !== index) });
  const add = (): void => {
    const taken = new Set(object.members.map(({ key }) => key));
    let name = "name";
    for (let number = 2; taken.has(name); number += 1) name = `name_${number}`;
    onChange(withMember(object, name, startOf(others ?? {})));
  };
  return (
    <>
      {rows.map(({ key, value, index }) => (
        <div key={index} class="form-entry">
          <label class="form-name">
            <span class="form-label">Name</span>
            <input
              class="field"
              type="text"
              autocomplete="off"
              spellcheck={false}
              value={key}
              onInput={({ currentTarget }) => onChange(withKey(object, index, currentTarget.value))}
            />
          </label>
          <SchemaField
            schema={others ?? {}}
            node={value}
            onChange={(next) => {
              if (next === undefined) {
                remove(index);
                return;
              }
              const members = object.members.map((old, at) => (at === index ? { ...old, value: next } : old));
              onChange({ kind: "object", members });
            }}
            label={others === undefined ? `${key} (not a field of this type)` : `Value of ${key}`}
            pointer={pointerTo(pointer, key)}
            isRequired
            isItem
            errors={errors}
            tools={
              <SmallButton label={`Remove ${key}`} onPress={() => remove(index)}>
                Remove
              </SmallButton>
            }
          />
        </div>
      ))}
      {others === undefined ? null : (
        <SmallButton label="Add a member" onPress={add}>
          + Add a member
        </SmallButton>
      )}
    </>
  );
}

export function ListField({
  items,
  array,
  ...props
}: FieldProps & { readonly items: Schema; readonly array: JsonArray }): JSX.Element {
  const { onChange, pointer, errors, label } = props;
  return (
    <GroupFrame {...props} messages={messagesAt(errors, pointer, [...array.items.keys()])}>
      <div class="form-members">
        {array.items.map((item, index) => (
          <SchemaField
            key={index}
            schema={items}
            node={item}
            onChange={(next) => onChange(withItem(array, index, next))}
            label={`${label} ${index + 1}`}
            pointer={pointerTo(pointer, index)}
            isRequired
            isItem
            errors={errors}
            tools={
              <SmallButton
                label={`Remove ${label} ${index + 1}`}
                onPress={() => onChange(withItem(array, index, undefined))}
              >
                Remove
              </SmallButton>
            }
          />
        ))}
        <SmallButton
          label={`Add to ${label}`}
          onPress={() => onChange(withItem(array, array.items.length, startOf(items)))}
        >
          + Add
        </SmallButton>
      </div>
    </GroupFrame>
  );
}

/** A value of one of several shapes: the user chooses which. */
export function UnionField({ branches, ...props }: FieldProps & { readonly branches: readonly Schema[] }): JSX.Element {
  const { schema, node, onChange, label } = props;
  const [chosen, setChosen] = useState(-1);
  const at = node ? branchOf(branches, node, chosen) : Math.max(0, chosen);
  const branch = branches[at];
  const choose = (next: number): void => {
    setChosen(next);
    const start = branches[next];
    if (start) onChange(startOf(start));
  };
  const names = branchNames(branches);
  const tools = (
    <>
      <select
        class="form-branch"
        aria-label={`Kind of ${label}`}
        value={String(at)}
        onChange={({ currentTarget }) => choose(Number(currentTarget.value))}
      >
        {at === -1 ? <option value="-1">JSON</option> : null}
        {names.map((name, index) => (
          <option key={name} value={String(index)}>
            {name}
          </option>
        ))}
      </select>
      {props.tools}
    </>
  );
  const { description = schema.description, ...rest } = branch ?? {};
  const shown = description === undefined ? rest : { ...rest, description };
  return <SchemaField key={at} {...props} schema={shown} tools={tools} />;
}
