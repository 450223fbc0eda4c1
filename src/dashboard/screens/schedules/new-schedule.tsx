/** The form of a new schedule. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useKeys } from "../../app/keys.ts";
import { href, navigate } from "../../app/router.ts";
import { putScheduleJson } from "../../data/exact-json.ts";
import { can } from "../../data/session.ts";
import { Button } from "../../parts/button.tsx";
import { Link } from "../../parts/link.tsx";
import { Page } from "../../parts/page.tsx";
import { FieldFrame } from "../../parts/schema-form/field-frame.tsx";
import { ErrorText, notify, reportError } from "../../parts/toasts.tsx";
import { DefinitionForm } from "./definition-form.tsx";
import { startText } from "./example.ts";
import { isName, NAME_RULE } from "./name.ts";
import { usePreview } from "./use-preview.ts";
import { useSave } from "./use-save.ts";

export function NewSchedule(): JSX.Element {
  const [name, setName] = useState("");
  const [text, setText] = useState(() => startText(Intl.DateTimeFormat().resolvedOptions().timeZone));
  const preview = usePreview(text, isName(name) ? name : "");
  const saving = useSave();
  const unavailable = isName(name) ? saving.unavailable(text, preview) : NAME_RULE;
  const create = async (): Promise<void> => {
    const isSaved = await saving.save(() => putScheduleJson(name, text, { ifNoneMatch: "*" }));
    if (!isSaved) return;
    notify(`The schedule ${name} is created.`);
    navigate(href(["schedules", name]));
  };
  useKeys("New schedule", {
    "$mod+Enter": {
      text: "Create",
      run: () => {
        if (unavailable !== undefined) notify(unavailable);
        else if (can("admin")) create().catch(reportError);
      },
    },
  });
  const change = (next: string): void => {
    saving.forget();
    setText(next);
  };
  return (
    <Page title="New schedule" actions={<Link to={href(["schedules"])}>All schedules</Link>}>
      <div>
        <DefinitionForm value={text} onChange={change} errors={saving.issues ?? preview.issues} preview={preview}>
          <NameField
            name={name}
            onChange={(next) => {
              saving.forget();
              setName(next);
            }}
          />
        </DefinitionForm>
        {saving.failure === undefined ? null : (
          <div class="notice error" role="alert">
            {saving.isConflict ? (
              `There is a schedule ${name} already: choose another name.`
            ) : (
              <ErrorText error={saving.failure} />
            )}
          </div>
        )}
        <div class="submit-bar">
          <div class="actions">
            <Button kind="primary" scope="admin" unavailable={unavailable} onPress={create} title="Ctrl+Enter">
              Create schedule
            </Button>
          </div>
        </div>
      </div>
    </Page>
  );
}

interface NameFieldProps {
  readonly name: string;
  readonly onChange: (name: string) => void;
}

function NameField({ name, onChange }: NameFieldProps): JSX.Element {
  return (
    <FieldFrame schema={{ description: NAME_RULE }} label="Name" isRequired messages={[]}>
      {(control) => (
        <input
          {...control}
          class="field"
          type="text"
          autocomplete="off"
          spellcheck={false}
          maxLength={128}
          value={name}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </FieldFrame>
  );
}
