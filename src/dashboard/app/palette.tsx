/** The command palette (Ctrl-K): screens, types, schedules, and ids of jobs and flows. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { firstOf } from "../data/first-of.ts";
import { useResource } from "../data/resource.ts";
import { Dialog } from "../parts/dialog.tsx";
import { useKeys } from "./keys.ts";
import { href, navigate } from "./router.ts";
import { SCREENS } from "./screens.ts";

const isOpen = signal(false);

export function openPalette(): void {
  isOpen.value = true;
}

function close(): void {
  isOpen.value = false;
}

interface Entry {
  readonly text: string;
  readonly kind: string;
  readonly url: string;
}

const ID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const MOST = 12;
/** The first ones by name: a server may have 100,000. */
const SCHEDULES = 100;

export function Palette(): JSX.Element | null {
  useKeys("Everywhere", { "$mod+k": { text: "Search or go to", run: openPalette } });
  return isOpen.value ? <PaletteDialog /> : null;
}

function PaletteDialog(): JSX.Element {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = useEntries(text.trim());
  const current = Math.min(at, entries.length - 1);
  const go = (entry: Entry | undefined): void => {
    if (!entry) return;
    close();
    navigate(entry.url);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) setAt(Math.max(0, Math.min(entries.length - 1, current + step)));
    else if (event.key === "Enter") go(entries[current]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" onClose={close}>
      <input
        class="field"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-entries"
        aria-activedescendant={entries.length > 0 ? `palette-${current}` : undefined}
        aria-label="A screen, a job type, an id, or words to search for"
        placeholder="A screen, a job type, an id, or words to search for"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
        autofocus
      />
      <ul id="palette-entries" class="palette" role="listbox" aria-label="Results">
        {entries.map((entry, index) => (
          <li
            key={entry.url}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === current}
            onClick={() => go(entry)}
          >
            {entry.text} <span class="muted">{entry.kind}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function useEntries(text: string): Entry[] {
  const { data: types = [] } = useResource("types", (api, signal) => api.types({ signal }));
  const { data: page } = useResource("schedule names", (api, signal) =>
    firstOf(api.schedulePages({ pageSize: SCHEDULES, signal })),
  );
  return entriesFor(
    text,
    types.map(({ type }) => type),
    page?.schedules.map(({ name }) => name) ?? [],
  );
}

function entriesFor(text: string, types: readonly string[], schedules: readonly string[]): Entry[] {
  if (ID.test(text)) {
    const id = text.toLowerCase();
    return [
      { text, kind: "job", url: href(["jobs", id]) },
      { text, kind: "flow or batch", url: href(["flows", id]) },
    ];
  }
  const all: Entry[] = [
    ...SCREENS.map(({ path, title }) => ({ text: title, kind: "screen", url: href(path === "" ? [] : [path]) })),
    ...types.map((type) => ({ text: type, kind: "jobs of the type", url: href(["jobs"], { q: `type:${type}` }) })),
    ...types.map((type) => ({ text: `New ${type}`, kind: "submit a job", url: href(["new", type]) })),
    ...schedules.map((name) => ({ text: name, kind: "schedule", url: href(["schedules", name]) })),
    { text: "New schedule", kind: "create", url: href(["schedules"], { view: "new" }) },
    ...types.map((type) => ({ text: `Queue ${type}`, kind: "queue", url: href(["queues", type]) })),
  ];
  const words = text.toLowerCase().split(/\s+/);
  const found = all.filter((entry) =>
    words.every((word) => `${entry.text} ${entry.kind}`.toLowerCase().includes(word)),
  );
  const search =
    text === "" ? [] : [{ text: `Jobs that match ${text}`, kind: "search", url: href(["jobs"], { q: text }) }];
  return [...found.slice(0, MOST), ...search];
}
