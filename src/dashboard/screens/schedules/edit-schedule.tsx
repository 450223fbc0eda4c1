/** The form of an existing schedule. It saves only what was changed on top of the version that the user has seen. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { setQuery } from "../../app/router.ts";
import type { StoredSchedule } from "../../data/exact-json.ts";
import { putScheduleJson } from "../../data/exact-json.ts";
import { refreshResources } from "../../data/resource.ts";
import { Button } from "../../parts/button.tsx";
import { ErrorText, notify } from "../../parts/toasts.tsx";
import { definitionText } from "./definition.ts";
import { DefinitionForm } from "./definition-form.tsx";
import { usePreview } from "./use-preview.ts";
import { useSave } from "./use-save.ts";

export function EditSchedule({ stored: { schedule, json } }: { readonly stored: StoredSchedule }): JSX.Element {
  const { name, version } = schedule;
  /** The version that the user edits: it stays while others change the schedule. */
  const [edited, setEdited] = useState({ version, text: definitionText(json) });
  const [text, setText] = useState(edited.text);
  const preview = usePreview(text, name);
  const saving = useSave();
  const close = (): void => setQuery({ view: null }, { push: true });
  const save = async (): Promise<void> => {
    const isSaved = await saving.save(() => putScheduleJson(name, text, { ifMatch: edited.version }));
    if (!isSaved) return;
    notify("Saved. The new definition applies from the next tick.");
    refreshResources("schedule");
    close();
  };
  const change = (next: string): void => {
    saving.forget();
    setText(next);
  };
  const load = (): void => {
    setEdited({ version, text: definitionText(json) });
    change(definitionText(json));
  };
  const isOutdated = version !== edited.version;
  const unchanged = text === edited.text ? "Nothing was changed." : undefined;
  return (
    <>
      {isOutdated ? (
        <div class="notice" role="alert">
          Somebody else has changed the schedule since you opened this form, so it cannot be saved.{" "}
          <Button onPress={load}>Discard my changes and load version {version}</Button>
        </div>
      ) : null}
      <DefinitionForm value={text} onChange={change} errors={saving.issues ?? preview.issues} preview={preview} />
      {saving.failure === undefined ? null : (
        <div class="notice error" role="alert">
          <ErrorText error={saving.failure} />
        </div>
      )}
      <div class="submit-bar">
        <div class="actions">
          <Button
            kind="primary"
            scope="admin"
            unavailable={
              isOutdated
                ? "Not available: load the present version first."
                : (unchanged ?? saving.unavailable(text, preview))
            }
            onPress={save}
          >
            Save
          </Button>
          <Button onPress={close}>Discard</Button>
        </div>
      </div>
    </>
  );
}
