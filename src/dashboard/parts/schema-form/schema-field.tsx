/** The field of a value, by its schema. A value that the schema's field cannot show is edited as JSON. */
import type { JSX } from "preact";
import type { FieldProps } from "./field-frame.tsx";
import { GroupFrame, SmallButton } from "./field-frame.tsx";
import { ListField, ObjectField, UnionField } from "./group-fields.tsx";
import { ChoiceField, JsonField, NumberField, TextField } from "./scalar-fields.tsx";
import { canShow, messagesAt, shapeOf, startOf } from "./schema-shape.ts";

const YES_OR_NO = ["true", "false"];

export function SchemaField(props: FieldProps): JSX.Element {
  const { schema, node, onChange, label, isRequired } = props;
  const shape = shapeOf(schema);
  if (node && !canShow(shape, node)) return <JsonField {...props} />;
  switch (shape.kind) {
    case "text":
      return <TextField {...props} isLong={shape.isLong} />;
    case "number":
      return <NumberField {...props} isWhole={shape.isWhole} />;
    case "boolean":
      return <ChoiceField {...props} values={YES_OR_NO} />;
    case "null":
      return <ChoiceField {...props} values={["null"]} />;
    case "choice":
      return <ChoiceField {...props} values={shape.values} />;
    case "union":
      return <UnionField {...props} branches={shape.branches} />;
    case "json":
      return <JsonField {...props} />;
    case "list":
    case "object": {
      if (!node) return <AbsentField {...props} />;
      const tools = isRequired ? (
        props.tools
      ) : (
        <>
          {props.tools}
          <SmallButton label={`Remove ${label}`} onPress={() => onChange(undefined)}>
            Remove
          </SmallButton>
        </>
      );
      if (shape.kind === "list" && node.kind === "array")
        return <ListField {...props} tools={tools} items={shape.items} array={node} />;
      if (shape.kind === "object" && node.kind === "object")
        return <ObjectField {...props} tools={tools} shape={shape} object={node} />;
      return <JsonField {...props} />;
    }
  }
}

/** In place of the fields of an absent object or list. */
function AbsentField(props: FieldProps): JSX.Element {
  const { schema, onChange, label, errors, pointer } = props;
  const tools = (
    <>
      {props.tools}
      <SmallButton label={`Add ${label}`} onPress={() => onChange(startOf(schema))}>
        + Add
      </SmallButton>
    </>
  );
  return (
    <GroupFrame {...props} tools={tools} messages={messagesAt(errors, pointer, [])}>
      {null}
    </GroupFrame>
  );
}
