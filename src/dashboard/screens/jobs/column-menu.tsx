/** The menu that shows and hides columns, and adds columns of payload fields. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Button } from "../../parts/button.tsx";
import { Menu } from "../../parts/menu.tsx";
import type { ColumnChoice, ColumnName } from "./column-choice.ts";
import { COLUMN_NAMES, canAddPath, DEFAULT_CHOICE, isPath, PAYLOAD } from "./column-choice.ts";

interface ColumnMenuProps {
  readonly choice: ColumnChoice;
  readonly onChange: (choice: ColumnChoice) => void;
  /** Paths into payloads to offer. */
  readonly paths: readonly string[];
}

export function ColumnMenu({ choice, onChange, paths }: ColumnMenuProps): JSX.Element {
  const { names } = choice;
  const toggle = (name: ColumnName): void =>
    onChange({ ...choice, names: names.includes(name) ? names.filter((each) => each !== name) : [...names, name] });
  return (
    <Menu label="Columns" kind="end">
      <fieldset class="column-list">
        <legend>Columns</legend>
        {(Object.keys(COLUMN_NAMES) as ColumnName[])
          .filter((name) => name !== "id")
          .map((name) => (
            <label key={name} class="check">
              <input type="checkbox" checked={names.includes(name)} onChange={() => toggle(name)} />
              {COLUMN_NAMES[name]}
            </label>
          ))}
      </fieldset>
      <PayloadColumns choice={choice} onChange={onChange} paths={paths} />
      <Button kind="quiet" onPress={() => onChange(DEFAULT_CHOICE)}>
        Reset the columns
      </Button>
    </Menu>
  );
}

function PayloadColumns({ choice, onChange, paths }: ColumnMenuProps): JSX.Element {
  const [text, setText] = useState("");
  const path = text.trim().startsWith(PAYLOAD) ? text.trim().slice(PAYLOAD.length) : text.trim();
  const problem = !isPath(path)
    ? "Enter a dotted path, such as order.id."
    : canAddPath(choice)
      ? undefined
      : "A table has at most 8 columns of payload fields.";
  const add = (): void => {
    if (problem !== undefined) return;
    onChange({ ...choice, paths: [...new Set([...choice.paths, path])] });
    setText("");
  };
  return (
    <fieldset class="column-list">
      <legend>Payload fields</legend>
      {choice.paths.map((each) => (
        <label key={each} class="check">
          <input
            type="checkbox"
            checked
            onChange={() => onChange({ ...choice, paths: choice.paths.filter((other) => other !== each) })}
          />
          <code>{each}</code>
        </label>
      ))}
      <form
        class="column-add"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <input
          class="field"
          type="text"
          list="payload-paths"
          aria-label="A field of the payload"
          placeholder="order.id"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <datalist id="payload-paths">
          {paths.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <Button onPress={add} unavailable={problem}>
          Add
        </Button>
      </form>
    </fieldset>
  );
}
